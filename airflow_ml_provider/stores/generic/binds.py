"""Binds: ``$1``, ``$2`` … as the parameter style of a driver writes them (PEP 249)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from airflow_ml_provider.domain.errors import ConfigurationError, QueryError

_TOKENS = re.compile(
    r"""
    --[^\n]* | /\*.*?(?:\*/|\Z)
  | '(?:[^']|'')*'
  | "(?:[^"]|"")*" | `(?:[^`]|``)*`
  | \$(?P<number>\d+)\b
  | \$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?(tag)(?P=tag))\$
  | \w[\w$]*
  | ;
    """,
    re.VERBOSE | re.DOTALL,
)
_BY_NAME = {"named", "pyformat"}
_WRITTEN: Mapping[str, Callable[[str], str]] = {
    "qmark": lambda _: "?",
    "format": lambda _: "%s",
    "numeric": lambda number: f":{number}",
    "named": lambda number: f":p{number}",
    "pyformat": lambda number: f"%(p{number})s",
}
_READS = {"SELECT", "WITH", "VALUES", "TABLE"}
STYLES = tuple(_WRITTEN)


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement as a driver takes it, and the numbers of the values in the order of its binds."""

    text: str
    style: str
    order: tuple[int, ...]

    def values(self, given: Sequence[object]) -> Sequence[object] | Mapping[str, object]:
        """Return the values as the driver takes them."""
        if self.style in _BY_NAME:
            return {f"p{number}": given[number - 1] for number in self.order}
        return tuple(given[number - 1] for number in self.order)


def translated(sql: str, style: str) -> Bound:
    """
    Return ``sql`` with its binds in ``style``.

    Text, quoted names, comments and words are left alone, but for a percent sign, which drivers
    of the styles 'format' and 'pyformat' want twice, wherever it stands, in a statement with
    values.

    :raises ConfigurationError: for a style that no driver has.
    """
    if style not in _WRITTEN:
        msg = f"{style!r} is no parameter style of a DB-API driver: it has {', '.join(STYLES)}."
        raise ConfigurationError(msg)
    found = [int(match["number"]) for match in _TOKENS.finditer(sql) if match["number"]]
    doubled = bool(found) and style in {"format", "pyformat"}

    def written(match: re.Match[str]) -> str:
        if match["number"]:
            return _WRITTEN[style](match["number"])
        return _doubled(match.group()) if doubled else match.group()

    # Percent signs between tokens first: the binds that are written in then have their own.
    pieces, position = [], 0
    for match in _TOKENS.finditer(sql):
        between = sql[position : match.start()]
        pieces += [_doubled(between) if doubled else between, written(match)]
        position = match.end()
    rest = sql[position:]
    pieces.append(_doubled(rest) if doubled else rest)
    return Bound("".join(pieces), style, _order(found, style))


def _doubled(text: str) -> str:
    return text.replace("%", "%%")


def _order(found: Sequence[int], style: str) -> tuple[int, ...]:
    """Return which values a driver is handed: by place each bind's own, else each once."""
    if style in {"qmark", "format"}:
        return tuple(found)
    if style == "numeric":
        return tuple(range(1, max(found, default=0) + 1))
    return tuple(dict.fromkeys(found))


def require_one_select(sql: str) -> None:
    """
    Return when a text is one statement that reads: some drivers would run several.

    :raises QueryError: when it is none, or more.
    """
    said = [match.group() for match in _TOKENS.finditer(sql)]
    words = [text.upper() for text in said if not text.startswith(("--", "/*"))]
    if not words or words[0] not in _READS or ";" in words:
        msg = f"{sql[:80]!r} is no single SELECT. Nothing was run."
        raise QueryError(msg)
