"""DuckDB itself, wherever its tables rest: what it says differently, its errors, its clock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import (
    DataError,
    ExhaustedError,
    MLProviderError,
    QueryError,
    SchemaMismatchError,
    TableMissingError,
    UnavailableError,
)
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.stores.connection.dialect import StandardDialect
from airflow_ml_provider.stores.connection.session import AsOf, ConflictError, DuplicateKeyError
from airflow_ml_provider.stores.connection.statement import Statement, quoted
from airflow_ml_provider.stores.extras import needed

if TYPE_CHECKING:
    import duckdb

# What a stream is written and checked in, whatever its length. The engine would else keep all that
# it has seen, up to most of the machine; what it cannot keep it writes beside its file.
STREAM_BYTES = 200_000_000
# A SELECT must not find Python variables of the process by their names.
CONFIG = {"python_enable_replacements": "false"}
_NESTED = ("STRUCT(", "MAP(", "UNION(", "VARIANT")


class DuckDBDialect(StandardDialect):
    """What DuckDB says differently."""

    def __init__(self, version: str) -> None:
        self.algorithm = f"duckdb{version.partition('.')[0]}"

    def row_hash(self, columns: Sequence[Column]) -> str:
        """Return the engine's own hash over all columns, hashed once more."""
        # Hashes of columns are put together by an exclusive-or.
        return f"hash(hash({', '.join(part for column in columns for part in _hashed(column))}))"

    def not_among(self, text: str, binds: Sequence[str]) -> str:
        """Return NOT IN, with one look-up for each row: a list is compared value by value."""
        return f"{text} NOT IN (SELECT unnest([{', '.join(binds)}]))"

    def positive(self, number: str) -> str:
        """Return the hash: it has no sign here."""
        return number

    def newest(self, join: AsOf) -> str:
        """Return an ASOF join."""
        keys = [f"{ours} = {join.alias}.{theirs}" for ours, theirs in join.keys]
        on = " AND ".join([*keys, f"{join.moment} >= {join.alias}.{join.time}"])
        return f"ASOF LEFT JOIN {join.table} AS {join.alias} ON {on}"


def _hashed(column: Column) -> tuple[str, ...]:
    """Return what is hashed of a column; NULL, [] and [NULL] have one hash, so more is of a list."""
    value, kind = quoted(column.name), column.type
    array = re.search(r"\[\d*\]$", kind)
    element = kind[: array.start()] if array else ""
    if (element or kind).startswith(_NESTED) or element.endswith("]"):
        return value, f"CAST({value} AS TEXT)"
    return (value, f"len({value})") if element else (value,)


def installed() -> Any:
    """
    Return the library.

    :raises MissingExtraError: when it is not there.
    """
    with needed("duckdb", "duckdb", "A DuckDB store"):
        import duckdb
    return duckdb


def settled(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return the connection with UTC as its time zone, and no progress bar in a task's log."""
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


@contextmanager
def told() -> Iterator[None]:
    """Turn DuckDB's errors into the domain's."""
    library = installed()
    try:
        yield
    except library.Error as error:
        raise _domain_error(library, error) from error


def selected(connection: duckdb.DuckDBPyConnection, statement: Statement) -> Any:
    """
    Return the relation of a SELECT, which is not run yet.

    :raises QueryError: for anything else, which DuckDB would have run by now.
    """
    with told():
        kinds = [found.type.name for found in connection.extract_statements(statement.text)]
        if kinds != ["SELECT"]:
            said = " and ".join(kinds) or "nothing"
            msg = f"A query must be one SELECT, and this is {said}: {statement.text!r}"
            raise QueryError(msg)
        return connection.sql(statement.text, params=list(statement.values))


def _domain_error(library: Any, error: Exception) -> MLProviderError:
    text = str(error)
    for sort, pattern, kind in (
        (library.CatalogException, "Table with name .* not exist", TableMissingError),
        (library.ConstraintException, "Duplicate key", DuplicateKeyError),
        (library.OutOfMemoryException, "", ExhaustedError),
        # A full disk is found out at the commit, too, or breaks the database in memory.
        (library.Error, "Could not write file|No space left", ExhaustedError),
        (library.TransactionException, "", ConflictError),
        (library.IOException, "", UnavailableError),
        # Files of a lake, which Arrow reads for it.
        (library.InvalidInputException, "the stream .* failed: (IO|OS)Error", UnavailableError),
        (library.ConnectionException, "", UnavailableError),
        (library.FatalException, "", UnavailableError),
        (library.ConstraintException, "", SchemaMismatchError),
        (library.NotImplementedException, "Unsupported Internal Arrow Type", SchemaMismatchError),
        (library.ConversionException, "", DataError),
        (library.OutOfRangeException, "", DataError),
    ):
        if isinstance(error, sort) and re.search(pattern, text):
            return kind(f"DuckDB refused the statement: {text}")
    return QueryError(f"DuckDB refused the statement: {text}")
