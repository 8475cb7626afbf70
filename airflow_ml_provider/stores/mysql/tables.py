"""Tables in MySQL: how they are made, found and told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    SchemaMismatchError,
    TableMissingError,
)
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.connection.statement import quoted, quoted_table
from airflow_ml_provider.stores.mysql.dialect import ROW_NUMBER
from airflow_ml_provider.stores.mysql.literals import text_literal
from airflow_ml_provider.stores.mysql.types import Declared, is_textual, marked

Ask = Callable[..., list[Row]]
_LONGEST_NAME = 64
_BASIC_PLANE = 0xFFFF
# Of text so many letters are in an index, which has room for 3,072 bytes in all.
_LETTERS, _ALL_LETTERS = 191, 740
# Bytes from which on a table should not be read whole for each partition.
LARGE = 32 * 1024 * 1024
_ENGINE = "InnoDB"


def creation(
    table: TableName, columns: Mapping[str, Declared], owned: Slice, collation: str
) -> str:
    """
    Return the statement that makes a table, with an index on the slice column.

    Its rows have a number, which a SELECT of all columns leaves out: joins find one row by it,
    and replication wants a key. A number from UUID_SHORT takes no lock, as AUTO_INCREMENT does.
    """
    listed = [
        f"{quoted(name)} {kind.type} NULL COMMENT {text_literal(kind.comment)}"
        for name, kind in columns.items()
    ]
    listed.append(
        f"{ROW_NUMBER} BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()) INVISIBLE PRIMARY KEY"
    )
    listed.append(f"INDEX {slice_index(owned.column)} ({indexed([owned.column], columns)})")
    return (
        f"CREATE TABLE {quoted_table(table)} ({', '.join(listed)}) ENGINE = {_ENGINE} "
        f"ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE {collation}"
    )


def slice_index(column: str) -> str:
    """Return the quoted name of the index on a slice column."""
    return quoted(f"ml {column}"[:_LONGEST_NAME].rstrip())


def indexed(names: Sequence[str], columns: Mapping[str, Declared]) -> str:
    """Return columns as an index names them: of text the beginning."""
    texts = [name for name in names if name in columns and is_textual(columns[name].type)]
    letters = min(_LETTERS, _ALL_LETTERS // max(len(texts), 1))
    return ", ".join(quoted(name) + (f"({letters})" if name in texts else "") for name in names)


def index(
    ask: Ask, table: TableName, columns: Sequence[str], kinds: Mapping[str, Declared]
) -> None:
    """Make an index on columns of a table, unless there is one that begins with them."""
    there = indexes(ask, table).values()
    if any(names[: len(columns)] == list(columns) for names in there):
        return
    ask(f"ALTER TABLE {quoted_table(table)} ADD INDEX ({indexed(columns, kinds)})")


def indexes(ask: Ask, table: TableName) -> dict[str, list[str]]:
    """Return the columns of each index of a table."""
    found: dict[str, list[str]] = {}
    for row in ask(f"SHOW INDEX FROM {quoted_table(table)}"):
        found.setdefault(row[2], []).append(row[4])
    return found


def is_large(ask: Ask, table: TableName) -> bool:
    """Whether a table is so large that nobody should read it whole, as the server estimates."""
    rows = ask(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = coalesce($1, database()) "
        "AND table_name = $2 AND data_length >= $3",
        (table.schema, table.name, LARGE),
    )
    return bool(rows)


def described(ask: Ask, table: str) -> dict[str, Declared]:
    """Return the columns of a table by its quoted name; none when it does not exist."""
    try:
        rows = ask(f"SHOW FULL COLUMNS FROM {table}")
    except TableMissingError:
        return {}
    return {
        name: marked(kind, comment)
        for name, kind, _, _, _, _, extra, _, comment in rows
        if "INVISIBLE" not in extra
    }


def require_names(table: TableName, columns: Sequence[str]) -> None:
    """
    Return when MySQL can hold the names of a new table.

    :raises SchemaMismatchError: for one that is too long, or has letters beyond the basic plane.
    """
    names = [name for name in (table.schema, table.name, *columns) if name]
    unfit = [n for n in names if len(n) > _LONGEST_NAME or any(ord(c) > _BASIC_PLANE for c in n)]
    if unfit:
        msg = (
            f"MySQL cannot hold names longer than {_LONGEST_NAME} letters, nor emoji in them. "
            f"Rename {', '.join(map(repr, unfit))}. Nothing was written."
        )
        raise SchemaMismatchError(msg)
    if ROW_NUMBER.strip('"') in {name.lower() for name in columns}:
        msg = f"A column cannot be called {ROW_NUMBER}: rows are numbered by it. Rename it."
        raise SchemaMismatchError(msg)


def require_schema(ask: Ask, table: TableName, collation: str) -> None:
    """
    Make the database that a table's schema is, when it is not there.

    :raises ConfigurationError: when this user may not.
    """
    if has_schema(ask, table):
        return
    try:
        ask(
            f"CREATE DATABASE IF NOT EXISTS {quoted(str(table.schema))} "
            f"CHARACTER SET utf8mb4 COLLATE {collation}"
        )
    except ConfigurationError as error:
        name = quoted(str(table.schema))
        msg = (
            f"Schema {table.schema!r} of table {table} is a database in MySQL. It does not exist, "
            f"or not for this user, who may not create it: {error}. Let an administrator run: "
            f"CREATE DATABASE {name}; GRANT ALL ON {name}.* TO the user of the connection."
        )
        raise ConfigurationError(msg) from error


def has_schema(ask: Ask, table: TableName) -> bool:
    """Whether the database that a table's schema is can be seen by this user."""
    if table.schema is None:
        return True
    text = "SELECT 1 FROM information_schema.schemata WHERE schema_name = $1"
    return bool(ask(text, (table.schema,)))


def require_transactions(ask: Ask, table: TableName) -> None:
    """
    Return when a table, if it is there, can be changed in a transaction.

    :raises ConfigurationError: naming its engine.
    """
    found = ask(
        "SELECT engine FROM information_schema.tables "
        "WHERE table_schema = coalesce($1, database()) AND table_name = $2",
        (table.schema, table.name),
    )
    engine = found[0][0] if found else _ENGINE
    if engine != _ENGINE:
        msg = (
            f"Table {table} is kept by the engine {engine}, which knows no transactions: a write "
            "that is killed would leave half a partition. Nothing was written. Convert it: "
            f"ALTER TABLE {quoted_table(table)} ENGINE = {_ENGINE}."
        )
        raise ConfigurationError(msg)
