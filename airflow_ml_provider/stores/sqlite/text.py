"""SQLite's text: SQL as the other stores take it, in the words that SQLite understands."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from airflow_ml_provider.domain.errors import QueryError, SchemaMismatchError
from airflow_ml_provider.domain.table import TableName

_TOKENS = re.compile(
    r"""
    (?P<space> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<text> '(?:[^']|'')*' )
  | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
  | (?P<bind> [$?]\d+ )
  | (?P<word> [^\W\d]\w* )
  | (?P<other> \.?\d[\w.]* (?: (?<=[eE]) [+-] \d+ )? | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_OWN_SCHEMAS = {"main", "temp"}
_NAMES_A_TABLE = {"JOIN", "INTO", "UPDATE", "TABLE", "EXISTS"}
_ENDS_TABLES = {
    *("SELECT", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "SET", "VALUES"),
    *("UNION", "EXCEPT", "INTERSECT", "RETURNING"),
}
_AFTER_A_TABLE = {
    *_ENDS_TABLES,
    *("JOIN", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL", "ON", "USING"),
    *("INDEXED", "NOT", "DEFAULT"),
}
_MOMENT = re.compile(r"(TIMESTAMP|TIMESTAMPTZ|DATETIME)\b")


def flat(table: TableName) -> str:
    """
    Return the one name under which SQLite, which has no schemas, keeps a table.

    :raises SchemaMismatchError: for a dot inside a name, since two tables would share it.
    """
    if "." in (table.schema or "") or (table.schema is None and "." in table.name):
        msg = (
            f"SQLite has no schemas: tables are kept as 'schema.table', and {table} has a dot "
            "inside a name. Rename it."
        )
        raise SchemaMismatchError(msg)
    return f"{table.schema}.{table.name}" if table.schema else table.name


@lru_cache(maxsize=512)
def translated(sql: str) -> str:
    """
    Return ``sql`` in SQLite's words.

    ``$1`` becomes ``?1``. Names in double quotes get backquotes, because SQLite takes an unknown
    name in double quotes for text. ``schema.table`` becomes one name. Moments are text here, so a
    cast to one is a cast to text, and a cast to a date is SQLite's function for it.

    :raises QueryError: for a cast to TIME, which would give a number in silence.
    """
    return _Translation(sql).text()


def spelled_out(sql: str, values: Sequence[object]) -> str:
    """Return translated SQL with its binds as literals, for what takes none, such as a view."""

    def written(found: re.Match[str]) -> str:
        bind = found.lastgroup == "bind"
        return _literal(values[int(found.group()[1:]) - 1]) if bind else found.group()

    return _TOKENS.sub(written, sql)


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"x'{value.hex()}'"
        case str():
            # A bind has no affinity, and from SQLite 3.41 on a view calls a cast by the type of its.
            return f"+CAST(x'{value.encode().hex()}' AS TEXT)"
        case float() if math.isinf(value):
            return "9e999" if value > 0 else "-9e999"
    return repr(value)


@dataclass(slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""

    @property
    def is_name(self) -> bool:
        return self.kind in {"name", "word"}

    @property
    def name(self) -> str:
        """The name that is meant, without quotes."""
        if self.kind == "word":
            return self.text
        mark = self.text[-1]
        return self.text[1:-1].replace(mark * 2, mark)


@dataclass(slots=True)
class _Level:
    """One pair of parentheses: whether tables are listed in it, and where its CAST is."""

    tables: bool = False
    cast: int | None = None


_NONE = _Token("none", "")


class _Translation:
    """One statement on its way from token to token."""

    def __init__(self, sql: str) -> None:
        self._all = [
            _Token(str(found.lastgroup), found.group()) for found in _TOKENS.finditer(sql)
        ]
        self._said = [token for token in self._all if token.kind != "space"]
        self._levels = [_Level()]

    def text(self) -> str:
        """Return the translation."""
        for place, token in enumerate(self._said):
            self._follow(place, token)
            if token.is_name:
                self._name(place)
        return "".join(map(_written, self._all))

    def _at(self, place: int) -> _Token:
        return self._said[place] if 0 <= place < len(self._said) else _NONE

    def _follow(self, place: int, token: _Token) -> None:
        """Keep account of parentheses, of where tables are listed, and of casts."""
        level = self._levels[-1]
        if token.text == "(":
            cast = place - 1 if self._at(place - 1).word == "CAST" else None
            self._levels.append(_Level(self._table_comes(place), cast))
        elif token.text == ")" and len(self._levels) > 1:
            self._levels.pop()
        elif token.word in _ENDS_TABLES:
            level.tables = False
        elif token.word == "FROM":
            level.tables = self._at(place - 1).word != "DISTINCT"
        elif token.word == "AS" and level.cast is not None:
            self._cast(level.cast, place)

    def _table_comes(self, place: int) -> bool:
        """Whether the token at ``place`` can only be a table, or begin a list of them."""
        last = self._at(place - 1)
        if last.word == "FROM" or last.text in {",", "("}:
            return self._levels[-1].tables
        return last.word in _NAMES_A_TABLE

    def _name(self, place: int) -> None:
        dots = [self._at(place + 1).text == ".", self._at(place + 3).text == "."]
        if not dots[0] or not self._at(place + 2).is_name or self._at(place - 1).text == ".":
            return
        if self._at(place).name.lower() in _OWN_SCHEMAS:
            return
        if dots[1]:
            # The schema of a column's table: where that is listed, it has its own name for alias.
            self._silence(place, place + 2)
        elif self._table_comes(place):
            self._join(place)

    def _join(self, place: int) -> None:
        """Turn ``schema.table`` into one name, known as ``table`` in what follows."""
        schema, table, after = self._at(place), self._at(place + 2), self._at(place + 3)
        name = _quoted(flat(TableName(schema.name, table.name)))
        named = after.word == "AS" or (after.is_name and after.word not in _AFTER_A_TABLE)
        listed = self._at(place - 1).word not in _NAMES_A_TABLE - {"JOIN"}
        if listed and not named:
            name += f" AS {_quoted(table.name)}"
        self._silence(place, place + 3)
        self._at(place).text = name

    def _silence(self, begin: int, end: int) -> None:
        for token in self._said[begin:end]:
            token.kind, token.text = "written", ""

    def _cast(self, cast: int, place: int) -> None:
        end = next((i for i in range(place, len(self._said)) if self._at(i).text == ")"), place)
        kind = " ".join(token.text.upper() for token in self._said[place + 1 : end])
        if kind == "TIME" or kind.startswith("TIME "):
            msg = "SQLite knows no type TIME: write time(…) where the SQL says CAST(… AS TIME)."
            raise QueryError(msg)
        if _MOMENT.match(kind):
            self._silence(place + 1, end)
            self._at(place + 1).text = "TEXT"
            # Without the affinity of text, of which a view would make the type of the column.
            self._at(cast).text = "+CAST"
        elif kind == "DATE":
            self._silence(place, end)
            self._at(cast).text = "date"


def _written(token: _Token) -> str:
    if token.kind == "bind":
        return f"?{token.text[1:]}"
    return _quoted(token.name) if token.text.startswith('"') else token.text


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
