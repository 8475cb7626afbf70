"""MySQL's text: SQL as the other stores take it, in the words that MySQL understands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from airflow_ml_provider.domain.errors import QueryError
from airflow_ml_provider.stores.mysql.literals import literal

_TOKENS = re.compile(
    r"""
    (?P<comment> --[^\n]* | \#[^\n]* | /\*(?![+!]).*?(?:\*/|\Z) )
  | (?P<text> '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` )
  | (?P<bind> \$\d+ )
  | (?P<word> [^\W\d][\w$]* )
  | (?P<other> \s+ | \d[\w.]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
# What follows AS in a CAST, where MySQL has another word for it or none.
_KINDS = {
    "BIGINT": "SIGNED",
    "BLOB": "BINARY",
    "BOOLEAN": "SIGNED",
    "BYTEA": "BINARY",
    "DATETIME": "DATETIME(6)",
    "DOUBLE PRECISION": "DOUBLE",
    "INT": "SIGNED",
    "INTEGER": "SIGNED",
    "NUMERIC": "DECIMAL",
    "REAL": "DOUBLE",
    "SMALLINT": "SIGNED",
    "STRING": "CHAR",
    "TEXT": "CHAR",
    "TIME": "TIME(6)",
    "TIMESTAMP": "DATETIME(6)",
    "TIMESTAMPTZ": "DATETIME(6)",
    "TIMESTAMP WITH TIME ZONE": "DATETIME(6)",
    "TIMESTAMP WITHOUT TIME ZONE": "DATETIME(6)",
    "VARCHAR": "CHAR",
}
_KIND = re.compile(
    r"\s+(?P<kind>[A-Za-z]\w*(?:\s+(?:PRECISION|WITH(?:OUT)?\s+TIME\s+ZONE))?)", re.I
)
_ALL_ROWS = 2**64 - 1


def spelled(sql: str, values: Sequence[object] = ()) -> str:
    """
    Return ``sql`` with its binds as literals, without comments, with casts in MySQL's words.

    Names in double quotes stay: the session's mode is ANSI_QUOTES.

    :raises QueryError: for a bind that has no value.
    """
    pieces = []
    for kind, text in _translated(sql):
        if kind != "bind":
            pieces.append(text)
        elif int(text[1:]) > len(values):
            msg = f"The SQL has {text}, and {len(values)} values."
            raise QueryError(msg)
        else:
            pieces.append(literal(values[int(text[1:]) - 1]))
    return "".join(pieces)


@lru_cache(maxsize=512)
def _translated(sql: str) -> tuple[tuple[str, str], ...]:
    return tuple(_pieces(sql))


def _pieces(sql: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens; a CAST is known by its parentheses."""
    casts: list[bool] = []
    position, last = 0, ""
    while found := _TOKENS.match(sql, position):
        kind, text = str(found.lastgroup), found.group()
        position = found.end()
        if text == "(":
            casts.append(last == "CAST")
        elif text == ")" and casts:
            casts.pop()
        yield (kind, " ") if kind == "comment" else (kind, text)
        if text.strip() and kind != "comment":
            last = text.upper()
        if last == "AS" and casts and casts[-1] and (named := _KIND.match(sql, position)):
            position, last = named.end(), ""
            word = " ".join(named["kind"].upper().split())
            spelling = _KINDS.get(word, word)
            # Digits that the SQL gives itself are in place of ours.
            own = sql[position : position + 1] == "("
            yield "word", f" {spelling.partition('(')[0] if own else spelling}"


def ordered_within(sql: str) -> str:
    """
    Return a SELECT whose order survives when it stands after FROM.

    The order of such a SELECT counts only together with a LIMIT.
    """
    depth, words = 0, []
    for kind, text in _translated(sql):
        depth += {"(": 1, ")": -1}.get(text, 0)
        if kind == "word" and depth == 0:
            words.append(text.upper())
    if "ORDER" not in words or "LIMIT" in words[words.index("ORDER") :]:
        return sql
    return f"{sql}\nLIMIT {_ALL_ROWS}"
