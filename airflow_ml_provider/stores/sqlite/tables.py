"""Tables in SQLite: how they are made, and whether the times in them compare with ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airflow_ml_provider.domain.errors import ConfigurationError, SchemaMismatchError
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.connection.statement import column_list, quoted, quoted_table
from airflow_ml_provider.stores.sqlite.text import flat

# Rows from which on reading all of them takes longer than a moment.
LARGE = 100_000

Ask = Callable[[str, Sequence[object]], list[Row]]


def creation(table: TableName, columns: Sequence[Column], owned: Slice) -> list[str]:
    """Return the statements that make a table with an index on the slice column."""
    listed = ", ".join(f"{quoted(column.name)} {spelled(column.type)}" for column in columns)
    return [f"CREATE TABLE {quoted_table(table)} ({listed})", index(table, [owned.column])]


def index(table: TableName, columns: Sequence[str]) -> str:
    """Return the statement that makes an index, unless it is there."""
    name = quoted(f"ml {flat(table)} {' '.join(columns)}")
    return f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(flat(table))} ({column_list(columns)})"


def renaming(ask: Ask, table: TableName, name: TableName) -> list[str]:
    """Return the statements that give a table another name; an index would keep its own."""
    found = ask(
        "SELECT list.name, part.name FROM pragma_index_list($1) AS list, "
        "pragma_index_info(list.name) AS part WHERE list.origin = 'c' ORDER BY list.name, part.seqno",
        (flat(table),),
    )
    indexed: dict[str, list[str]] = {}
    for made, column in found:
        indexed.setdefault(made, []).append(column)
    ours = {made: columns for made, columns in indexed.items() if made.startswith("ml ")}
    return [
        *(f"DROP INDEX {quoted(made)}" for made in ours),
        f"ALTER TABLE {quoted(flat(table))} RENAME TO {quoted(flat(name))}",
        *(index(name, columns) for columns in ours.values()),
    ]


def missing_index(ask: Ask, table: TableName, column: str) -> str | None:
    """Return the statement that makes an index, if the table is large and has none for a column."""
    found = ask(
        "SELECT made.type, (SELECT count(*) FROM pragma_index_list(made.name) AS list, "
        "pragma_index_info(list.name) AS part "
        "WHERE list.partial = 0 AND part.seqno = 0 AND part.name = $2) "
        "FROM sqlite_master AS made, pragma_table_info(made.name) AS held "
        "WHERE made.name = $1 AND held.name = $2",
        (flat(table), column),
    )
    if not found or found[0] != ("table", 0):
        return None
    # The last number is had in no time, and there are about as many rows.
    last = ask(f"SELECT max(rowid) FROM {quoted(flat(table))}", ())[0][0]
    return index(table, [column]) if (last or 0) >= LARGE else None


def require_rows_by_number(ask: Ask, table: TableName) -> None:
    """
    Return when the rows of a table can be told apart by their number, as joins need it.

    :raises ConfigurationError: for a view.
    """
    if ask("SELECT 1 FROM sqlite_master WHERE name = $1 AND type = 'view'", (flat(table),)):
        msg = (
            f"{table} is a view, whose rows SQLite cannot tell apart when it joins the newest one. "
            "Name the table behind it, or materialize it as a feature."
        )
        raise ConfigurationError(msg)


def spelled(kind: str) -> str:
    """Return a declared type as it is written after the name of its column."""
    # Brackets would end the list of columns; a type may be written in quotes.
    return quoted(kind) if kind.endswith("[]") else kind


def is_moment(name: str) -> str:
    """Return the condition that a value is a moment as it is kept here."""
    return (
        f"({_begins_a_second(name)} AND (length({name}) = 19 OR (length({name}) = 26 "
        f"AND {name} GLOB '*.[0-9][0-9][0-9][0-9][0-9][0-9]' AND {name} NOT LIKE '%.000000')))"
    )


def _compares(name: str) -> str:
    """Return the condition that a value, as others may write it, sorts among moments."""
    rest = f"replace(replace(substr({name}, 20), '+00:00', ''), 'Z', '')"
    return (
        f"({name} IS date({name}, '+0 days') OR "
        f"({_begins_a_second(name)} AND rtrim({rest}, '0123456789') IN ('', '.')))"
    )


def _begins_a_second(name: str) -> str:
    # Without a modifier SQLite gives a thirtieth of February back as it is.
    return f"substr({name}, 1, 19) IS datetime(substr({name}, 1, 19), '+0 days')"


def require_moments(ask: Ask, table: TableName, column: str) -> None:
    """
    Return when every time of a column compares with the windows that are asked for.

    :raises SchemaMismatchError: with an example of one that does not.
    """
    name = quoted(column)
    found = ask(
        f"SELECT count(*), min({name}) FROM {quoted_table(table)} "
        f"WHERE {name} IS NOT NULL AND NOT {_compares(name)}",
        (),
    )
    rows, example = found[0]
    if rows:
        msg = (
            f"Column {column!r} of {table} has {rows:,} times like {example!r}, which do not "
            "compare with those of a window. Nothing was read. SQLite keeps times as text: "
            "rewrite them as UTC, '2024-01-05 06:00:00', with the function datetime(), or read "
            "the table through a view that does."
        )
        raise SchemaMismatchError(msg)
