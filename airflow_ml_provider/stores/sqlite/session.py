"""A SQLite session: everything a write needs, on one connection in autocommit mode."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import MLProviderError, SchemaMismatchError
from airflow_ml_provider.domain.ledger import Claim
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.arrow.hash import RowHash, summed
from airflow_ml_provider.stores.connection.session import Row, RowSums
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    quoted_table,
    wrapped,
)
from airflow_ml_provider.stores.sqlite import tables
from airflow_ml_provider.stores.sqlite.answer import Answer
from airflow_ml_provider.stores.sqlite.dialect import SqliteDialect
from airflow_ml_provider.stores.sqlite.errors import told
from airflow_ml_provider.stores.sqlite.file import opened
from airflow_ml_provider.stores.sqlite.text import flat, translated
from airflow_ml_provider.stores.sqlite.types import declared, meant
from airflow_ml_provider.stores.sqlite.values import bindable, hashable, stored

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 16_384


class SqliteSession:
    """One connection of the standard library's; BEGIN and COMMIT are said here alone."""

    def __init__(self, path: str, lock_wait: float) -> None:
        self.address = f"sqlite:{path}"
        self.dialect = SqliteDialect()
        self._path = path
        self._lock_wait = lock_wait
        self._connection: sqlite3.Connection | None = None

    @property
    def hasher(self) -> SqliteSession:
        """This session: SQLite has no hash."""
        return self

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection."""
        if self._connection is None:
            with self._told():
                self._connection = opened(self._path, self._lock_wait)
        return self._connection

    def _told(self) -> AbstractContextManager[None]:
        return told(self._path, self._lock_wait)

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows; times come as text."""
        with self._told():
            return self._run(sql, values).fetchall()

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        with self._told():
            return self._run(sql, values).rowcount

    def _run(self, sql: str, values: Sequence[object]) -> sqlite3.Cursor:
        return self.connection.execute(translated(sql), [bindable(value) for value in values])

    def added(self, sql: str, values: Sequence[object]) -> bool:
        """Run an INSERT of one row, unless a row with its key is there."""
        return self.change(f"{sql} ON CONFLICT DO NOTHING", values) > 0

    def begin(self) -> None:
        """Begin a transaction as the one writer; another one's end is waited for."""
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if self._connection is None or not self._connection.in_transaction:
            return
        try:
            self.execute("ROLLBACK")
        except MLProviderError:
            self.close()

    def beside(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a SELECT on a connection of its own."""
        session = self.another()
        try:
            return session.execute(sql, values)
        finally:
            session.close()

    def stream(self, statement: Statement) -> pa.RecordBatchReader:
        """Stream a SELECT over a connection of its own, closed at the end of the rows."""
        import pyarrow as pa

        session = self.another()
        try:
            with self._told():
                answer = session.answer(statement)
                schema = answer.schema()
        except BaseException:
            session.close()
            raise
        return pa.RecordBatchReader.from_batches(schema, session.batches(answer, schema))

    def answer(self, statement: Statement) -> Answer:
        """Return the answer of a SELECT on this connection."""
        values = [bindable(value) for value in statement.values]
        return Answer(self.connection, translated(statement.text), values)

    def batches(self, answer: Answer, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an answer on this connection, and close it."""
        try:
            with self._told():
                yield from answer.batches(schema)
        finally:
            self.close()

    def hashed(self, statement: Statement, *, beside: bool) -> RowSums:
        """Hash the rows of a SELECT."""
        session = self.another() if beside else self
        try:
            with self._told():
                return summed(session.answer(statement).hashable())
        finally:
            if beside:
                session.close()

    def names_of(self, statement: Statement) -> list[str]:
        """Return the names of the columns of a SELECT."""
        text = f"SELECT * FROM {wrapped(statement)} LIMIT 0"
        with self._told():
            return [name for name, *_ in self._run(text, statement.values).description]

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table or view."""
        rows = self.execute(
            "SELECT info.name, info.type FROM sqlite_master AS made, "
            "pragma_table_info(made.name) AS info "
            "WHERE made.name = $1 AND made.type IN ('table', 'view') ORDER BY info.cid",
            (flat(table),),
        )
        return tuple(Column(name, kind) for name, kind in rows)

    def another(self) -> SqliteSession:
        """Return a second session to the same file."""
        return SqliteSession(self._path, self._lock_wait)

    def release(self) -> None:
        """Do nothing: between two statements nobody waits for this connection."""

    def close(self) -> None:
        """Close the connection; what is open is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        # Nobody else closes the connection of a stream that is left unread.
        self.close()

    def exclusive(self, name: str) -> None:
        """Do nothing: a transaction is the only one that writes."""

    def waiting(self, claim: Claim | tuple[TableName, str]) -> AbstractContextManager[object]:
        """Return an empty guard: who writes has waited at the beginning."""
        return nullcontext()

    def create_like(self, table: TableName, schema: pa.Schema, owned: Slice) -> None:
        """Create a table for rows of an Arrow schema, with an index on the slice column."""
        columns = [Column(field.name, declared(field)) for field in schema]
        for statement in tables.creation(table, columns, owned):
            self.execute(statement)

    def create_from(self, table: TableName, statement: Statement, owned: Slice) -> None:
        """Create an empty table with the columns of a SELECT, whose values tell their types."""
        with self._told():
            schema = self.answer(statement).schema()
        self.create_like(table, schema, owned)

    def index(self, table: TableName, columns: Sequence[str]) -> None:
        """Make sure of an index on columns of a table, by which joins find a row."""
        tables.require_rows_by_number(self.execute, table)
        self.execute(tables.index(table, columns))

    def require_moments(self, table: TableName, column: str) -> None:
        """
        Return when the times of a column compare with a window.

        :raises SchemaMismatchError: with an example of one that does not.
        """
        tables.require_moments(self.execute, table, column)

    def missing_index(self, table: TableName, column: str) -> str | None:
        """Return the statement that makes the index of a slice column, where it is worth it."""
        return tables.missing_index(self.execute, table, column)

    def accepts(self, table: TableName, given: pa.Schema) -> pa.Schema:
        """
        Return the types of the table's columns, in the order of ``given``.

        :raises SchemaMismatchError: for a column in which SQLite would change values.
        """
        import pyarrow as pa

        kinds = {column.name: column.type for column in self.columns(table)}
        accepted = [(name, meant(kinds[name])) for name in given.names]
        unclear = [f"{name!r} ({kinds[name]})" for name, kind in accepted if kind is None]
        if unclear:
            msg = (
                f"The types with which columns of {table} are declared say too little to keep "
                f"values as they are: {', '.join(unclear)}. Nothing was written. Declare them as "
                "INT8, DOUBLE, TEXT, TIMESTAMPTZ …, or let the table be made by the first write."
            )
            raise SchemaMismatchError(msg)
        return pa.schema(accepted)

    def arrow_of(self, source: TableName | Statement) -> pa.Schema:
        """Return the columns of a table as Arrow; of a SELECT only values tell the types."""
        import pyarrow as pa

        if isinstance(source, Statement):
            return pa.schema([(name, pa.null()) for name in self.names_of(source)])
        kinds = [(column.name, meant(column.type)) for column in self.columns(source)]
        return pa.schema([(name, pa.null() if kind is None else kind) for name, kind in kinds])

    def rename(self, table: TableName, name: TableName) -> None:
        """Give a table another name, and to our indexes on it theirs."""
        for statement in tables.renaming(self.execute, table, name):
            self.execute(statement)

    def load(self, table: TableName, rows: pa.RecordBatchReader) -> RowSums:
        """Insert the stream row by row, and hash it batch by batch on the way."""
        names = list(rows.schema.names)
        binds = ", ".join("?" for _ in names)
        text = translated(f"INSERT INTO {quoted_table(table)} ({column_list(names)}) ")
        sums = RowHash()
        for batch in _pieces(rows):
            kept = [stored(name, batch.column(name)) for name in names]
            pairs = zip(names, batch.columns, kept, strict=True)
            sums.add({name: hashable(column, rests) for name, column, rests in pairs})
            values = zip(*(column.to_pylist() for column in kept), strict=True)
            with self._told():
                self.connection.executemany(f"{text}VALUES ({binds})", values)
        return sums.sums

    def insert(self, table: TableName, statement: Statement) -> tuple[int, RowSums]:
        """
        Insert the answer of a SELECT, then read the new rows back to hash them.

        :raises SchemaMismatchError: for values for which their columns are not declared.
        """
        names = column_list(self.names_of(statement))
        name = quoted_table(table)
        last = self.execute(f"SELECT coalesce(max(rowid), 0) FROM {name}")[0][0]
        inserted = self.change(
            f"INSERT INTO {name} ({names}) SELECT {names} FROM {wrapped(statement)}",
            statement.values,
        )
        with self._told():
            new = self.answer(Statement(f"SELECT * FROM {name} WHERE rowid > $1", (last,)))
            return inserted, summed(new.fitting())


def _pieces(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield batch.slice(start, _BATCH_ROWS)
