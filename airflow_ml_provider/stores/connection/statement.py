"""SQL text: quoted names, slices as predicates, and named values turned into numbered binds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from airflow_ml_provider.domain.errors import QueryError
from airflow_ml_provider.domain.table import KeySlice, Slice, TableName


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with ``$1``, ``$2`` … and the values they stand for."""

    text: str
    values: tuple[object, ...] = ()


def quoted(name: str) -> str:
    """
    Return ``name`` as a quoted identifier, whatever it holds.

    :raises QueryError: for a name that no database can hold.
    """
    if not name or "\0" in name:
        msg = f"{name!r} cannot be the name of a column or table."
        raise QueryError(msg)
    return '"' + name.replace('"', '""') + '"'


def quoted_table(table: TableName) -> str:
    """Return the quoted, qualified name of ``table``."""
    name = quoted(table.name)
    return f"{quoted(table.schema)}.{name}" if table.schema else name


def column_list(names: Iterable[str], prefix: str = "") -> str:
    """Return quoted names, separated by commas, each after ``prefix``."""
    return ", ".join(prefix + quoted(name) for name in names)


def inside(owned: Slice | None, edge: Callable[[str], str], after: int = 0) -> Statement:
    """
    Return the predicate that holds for the rows of a slice (all rows when there is none).

    ``edge`` is the dialect's: how the end of a window is compared with a column of times. Binds
    are numbered from ``after + 1`` on.
    """
    if owned is None:
        return Statement("1 = 1")
    column, first, second = quoted(owned.column), f"${after + 1}", f"${after + 2}"
    if isinstance(owned, KeySlice):
        return Statement(f"{column} = {first}", (owned.value,))
    text = f"{column} >= {edge(first)} AND {column} < {edge(second)}"
    return Statement(text, (owned.start, owned.end))


_TOKENS = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*)
  | (?P<text>
        [eE]'(?:[^'\\]|\\.|'')*'                    # a string with escapes
      | '(?:[^']|'')*'                              # a string
      | "(?:[^"]|"")*"                              # a quoted identifier
      | (?<!\w)\$(?P<tag>\w*)\$.*?\$(?P=tag)\$     # a dollar-quoted string
      | ::                                          # a cast
      | \w+                                         # a word
    )
  | :(?P<name>[A-Za-z_]\w*)
  | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)


def bound(sql: str, values: Mapping[str, object]) -> Statement:
    """
    Replace each ``:name`` of ``values`` in ``sql`` by a numbered bind.

    Strings, quoted identifiers, comments, dollar quotes and ``::`` casts are left alone, and so
    is a ``:name`` that is not in ``values``. A closing semicolon is dropped, so that the SELECT
    can be wrapped in parentheses.
    """
    numbers: dict[str, int] = {}
    pieces: list[str] = []
    for kind, text in _without_closing_semicolon(list(_pieces(sql))):
        name = text[1:]
        if kind == "name" and name in values:
            pieces.append(f"${numbers.setdefault(name, len(numbers) + 1)}")
        else:
            pieces.append(text)
    return Statement("".join(pieces), tuple(values[name] for name in numbers))


def named(sql: str) -> Iterator[tuple[int, str]]:
    """
    Yield where in ``sql`` a value is asked for by name, and that name.

    A colon right after a word, a quote or a bracket is part of something else: a slice, a key.
    """
    position, before = 0, ""
    for kind, text in _pieces(sql):
        if kind == "name" and not re.match(r"[\w'\"\])]", before):
            yield position, text[1:]
        position += len(text)
        before = text[-1:] or before


def _pieces(sql: str) -> Iterator[tuple[str, str]]:
    position = 0
    while match := _TOKENS.search(sql, position):
        yield "code", sql[position : match.start()]
        position = match.end()
        if match.group() == "/*":
            position = _comment_end(sql, match.start())
        kinds = ("comment", "text", "name", "end")
        kind = next(kind for kind in kinds if match[kind] is not None)
        yield kind, sql[match.start() : position]
    yield "code", sql[position:]


def _comment_end(sql: str, start: int) -> int:
    """Return where the block comment at ``start`` ends; such comments nest."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[start:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(sql)


def _without_closing_semicolon(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    for index in reversed(range(len(pieces))):
        kind, text = pieces[index]
        if kind == "end":
            pieces[index] = ("code", "")
        elif kind != "comment" and text.strip():
            break
    return pieces


def whole(table: TableName) -> Statement:
    """Return the SELECT of all of a table."""
    return Statement(f"SELECT * FROM {quoted_table(table)}")


def wrapped(statement: Statement) -> str:
    """Return a SELECT as something that stands after FROM; its last line may be a comment."""
    return f"(\n{statement.text}\n) AS answer"
