"""A select: the SELECT in a SQL operator's text, its window, and the tables that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INSERT = re.compile(
    r"INSERT\s+(?:OVERWRITE\s+)?INTO\s+(?P<table>[\w.\"]+)\s*(?:\([^)]*\)\s*)?(?P<rest>(?:SELECT|WITH)\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_SELECT = re.compile(r"(?:SELECT|WITH)\b", re.IGNORECASE)
_DELETE = re.compile(
    r"(?:DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+(?P<table>[\w.\"]+)", re.IGNORECASE
)
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(?P<table>[A-Za-z_][\w.]*)(?!\s*\()", re.IGNORECASE)
_NAMED = re.compile(r"(?:\bWITH\s+(?:RECURSIVE\s+)?|,\s*)(?P<name>\w+)\s+AS\s*\(", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_STATEMENT = re.compile(r"(?:'[^']*'|--[^\n]*|/\*.*?\*/|[^;])+", re.DOTALL)
_BOUND = re.compile(r"%\((?P<name>\w+)\)s")
_TEMPLATES = {
    "ds": "CAST(:window_start AS DATE)",
    "ts": ":window_start",
    "data_interval_start": ":window_start",
    "execution_date": ":window_start",
    "logical_date": ":window_start",
    "next_ds": "CAST(:window_end AS DATE)",
    "data_interval_end": ":window_end",
}
_TEMPLATE = re.compile(r"'?\{\{\s*(?P<name>\w+)\s*\}\}'?")


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT, the table it was written into, the tables it reads, and what was done to it."""

    text: str
    table: str | None
    reads: tuple[str, ...]
    notes: tuple[str, ...]


def select_in(sql: str) -> Select | str:
    """Return the SELECT of ``sql``, or why there is none that a feature could be."""
    found = (match.group().strip() for match in _STATEMENT.finditer(sql))
    statements = [each for each in found if _COMMENT.sub("", each).strip()]
    if not statements:
        return "it is empty"
    *before, last = statements
    first = _COMMENT.sub("", last).strip()
    insert = _INSERT.match(first)
    table = insert["table"].replace('"', "") if insert else None
    if any(not _clears(each, table) for each in before):
        return "it is more than one statement, and a feature is one SELECT"
    if insert is None and not _SELECT.match(first):
        return f"a feature is one SELECT, and this is {first.split()[0].upper()}"
    text = insert["rest"] if insert else last
    return _made(text, table, cleared=bool(before))


def _clears(statement: str, table: str | None) -> bool:
    found = _DELETE.match(_COMMENT.sub("", statement).strip())
    return found is not None and found["table"].replace('"', "") == table


def _made(text: str, table: str | None, *, cleared: bool) -> Select:
    windowed = _BOUND.sub(r":\g<name>", _TEMPLATE.sub(_windowed, text))
    plain = _COMMENT.sub("", windowed)
    named = {found["name"].lower() for found in _NAMED.finditer(plain)}
    tables = dict.fromkeys(found["table"] for found in _READ.finditer(plain))
    reads = tuple(name for name in tables if name.lower() not in named)
    return Select(f"{windowed.strip()}\n", table, reads, tuple(_notes(plain, text, cleared)))


def _windowed(found: re.Match[str]) -> str:
    return _TEMPLATES.get(found["name"], found[0])


def _notes(plain: str, text: str, cleared: bool) -> Iterator[str]:
    if cleared:
        yield "the DELETE before the INSERT was left out: a partition is replaced in one transaction"
    if _TEMPLATE.search(text):
        yield "times of the run became :window_start and :window_end: see that they are meant so"
    if "{{" in plain or "{%" in plain:
        yield "a template is left in the SELECT, and ours knows none: write a param or the window"
    if ":window_" not in plain:
        yield "the SELECT reads no window: add :window_start and :window_end, or each one reads all"
