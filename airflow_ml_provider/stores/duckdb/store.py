"""A DuckDB store: tables and ledger in one file, used by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.errors import ConfigurationError, MLProviderError
from airflow_ml_provider.domain.ledger import Claim
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.connection.session import OnStep, Row, unobserved
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    quoted,
    quoted_table,
    whole,
    wrapped,
)
from airflow_ml_provider.stores.duckdb.engine import (
    STREAM_BYTES,
    DuckDBDialect,
    installed,
    selected,
    settled,
    told,
)
from airflow_ml_provider.stores.duckdb.file import IN_MEMORY, another, closed, committed, opened
from airflow_ml_provider.stores.ledger.sql import SqlLedger
from airflow_ml_provider.stores.sql.store import SqlStore

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH_ROWS = 65_536
# A batch of less than a row group is written once alone and once more with its neighbours; of one
# that is larger a single thread works on all.
_ROW_GROUP = 122_880
_BLOCK_BYTES = 64 * 1024 * 1024
_LONG = 256 * 1024 * 1024
_GROUPS_AT_ONCE = 8
_DEFAULT_SCHEMA = "main"


class DuckDBStore(SqlStore):
    """
    A store in one DuckDB file, made at first use.

    The file belongs to one process at a time: another one waits up to ``lock_wait`` seconds, and
    says then which process holds it. Call :meth:`release` before a long computation.
    """

    capabilities = Capabilities(new_versions=True)

    def __init__(
        self,
        path: str | Path,
        *,
        lock_wait: float = 60.0,
        lease_seconds: float = 120.0,
        on_step: OnStep = unobserved,
    ) -> None:
        session = DuckDBSession(str(path), lock_wait)
        super().__init__(session, SqlLedger(session, lease_seconds=lease_seconds), on_step)
        self._renamer = session


class DuckDBSession:
    """One raw DuckDB connection; BEGIN and COMMIT are said here and nowhere else."""

    hasher = None

    def __init__(self, path: str, lock_wait: float) -> None:
        self.address = f"duckdb:{path}"
        self._path = path
        self._lock_wait = lock_wait
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._in_transaction = self._bounded = False
        self._dialect: DuckDBDialect | None = None

    @property
    def dialect(self) -> DuckDBDialect:
        """The dialect of the DuckDB that is installed."""
        if self._dialect is None:
            self._dialect = DuckDBDialect(installed().__version__)
        return self._dialect

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection."""
        if self._connection is None:
            self._connection = opened(self._path, self._lock_wait)
        return self._connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        with told():
            return self.connection.execute(sql, list(values)).fetchall()

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        answer = self.execute(sql, values)
        return int(answer[0][0]) if answer else 0

    def added(self, sql: str, values: Sequence[object]) -> bool:
        """Run an INSERT of one row, unless a row with its key is there."""
        return self.change(f"{sql} ON CONFLICT DO NOTHING", values) > 0

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute("BEGIN TRANSACTION")
        self._in_transaction = True

    def commit(self) -> None:
        """Commit."""
        with told():
            committed(self.connection, self._path)
        self._in_transaction = False
        self._unbound_memory()

    def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if not self._in_transaction or self._connection is None:
            return
        self._in_transaction = False
        try:
            self.execute("ROLLBACK")
            self._unbound_memory()
        except MLProviderError:
            self.close()

    def beside(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a SELECT in a transaction of its own."""
        cursor = settled(self.connection.cursor())
        with told():
            try:
                return cursor.execute(sql, list(values)).fetchall()
            finally:
                cursor.close()

    def stream(self, statement: Statement) -> pa.RecordBatchReader:
        """Stream a SELECT over a cursor of its own, closed at the end of the rows."""
        import pyarrow as pa

        cursor = another(self.connection, self._path)
        try:
            with told():
                reader = selected(cursor, statement).to_arrow_reader(_BATCH_ROWS)
        except BaseException:
            closed(cursor, self._path)
            raise
        return pa.RecordBatchReader.from_batches(
            reader.schema, _batches(cursor, reader, self._path)
        )

    def names_of(self, statement: Statement) -> list[str]:
        """Return the names of the columns of a SELECT."""
        text = f"SELECT * FROM {wrapped(statement)} LIMIT 0"
        with told():
            return list(self.connection.sql(text, params=list(statement.values)).columns)

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """
        Return the columns of a table or view.

        :raises ConfigurationError: when its schema has the name of the file.
        """
        self._require_clear(table)
        name = quoted_table(TableName(table.schema or _DEFAULT_SCHEMA, table.name))
        with told():
            try:
                # A tenth of what a look into the catalog takes, which lists all columns there are.
                found = self.connection.table(name)
            except installed().CatalogException:
                return ()
        return tuple(map(Column, found.columns, map(str, found.types)))

    def _require_clear(self, table: TableName) -> None:
        catalog = Path(self._path).stem
        if table.schema and table.schema.lower() == catalog.lower():
            msg = (
                f"{table} cannot be in {self.address}: DuckDB calls the database of that file "
                f"{catalog!r}, too, and takes either for the other. Give the system, or its tables "
                "('table: …'), another name, or keep them in another file."
            )
            raise ConfigurationError(msg)

    def another(self) -> DuckDBSession:
        """Return a second session to the same file."""
        return DuckDBSession(self._path, self._lock_wait)

    def release(self) -> None:
        """Close the file, so that other processes can open it (streams still keep it open)."""
        if not self._in_transaction and self._path != IN_MEMORY:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            closed(self._connection, self._path)
        self._connection = None
        self._in_transaction = self._bounded = False

    def exclusive(self, name: str) -> None:
        """Do nothing: a second transaction that makes the same thing conflicts and waits."""

    def waiting(
        self,
        claim: Claim | tuple[TableName, str],
    ) -> AbstractContextManager[object]:
        """Return an empty guard: a conflict is told at once, and the caller tries again."""
        return nullcontext()

    def create_like(self, table: TableName, schema: pa.Schema, owned: Slice) -> None:
        """Create a table for rows of an Arrow schema; blocks know their bounds, so no index."""
        with self._registered(schema.empty_table()) as name:
            self._create(table, f"SELECT * FROM {name}", ())

    def create_from(self, table: TableName, statement: Statement, owned: Slice) -> None:
        """Create an empty table with the columns of a SELECT."""
        self._create(table, f"SELECT * FROM {wrapped(statement)}", statement.values)

    def _create(self, table: TableName, select: str, values: Sequence[object]) -> None:
        if table.schema:
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
        # No CREATE TABLE AS: rows that several threads insert into a table made so in the same
        # transaction, more than a row group of them, are lost in silence (DuckDB 2.0.0).
        described = self.execute(f"DESCRIBE {select}", values)
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind, *_ in described)
        self.execute(f"CREATE TABLE {quoted_table(table)} ({columns})")

    def missing_index(self, table: TableName, column: str) -> None:
        """Return nothing: blocks know their bounds."""

    def accepts(self, table: TableName, given: pa.Schema) -> pa.Schema:
        """Return the types of the table, in the order of ``given``."""
        text = f"SELECT {column_list(given.names)} FROM {quoted_table(table)} LIMIT 0"
        with told():
            return self.connection.sql(text).to_arrow_reader().schema

    def arrow_of(self, source: TableName | Statement) -> pa.Schema:
        """Return the columns of a table or SELECT as Arrow; an untyped NULL is null."""
        import pyarrow as pa

        statement = source if isinstance(source, Statement) else whole(source)
        with told():
            text = f"SELECT * FROM {wrapped(statement)} LIMIT 0"
            found = self.connection.sql(text, params=list(statement.values))
            fields = found.to_arrow_reader().schema
        untyped = {
            name for name, of in zip(found.columns, found.types, strict=True) if of == "NULL"
        }
        return pa.schema(
            [field.with_type(pa.null()) if field.name in untyped else field for field in fields]
        )

    def rename(self, table: TableName, name: TableName) -> None:
        """Give a table another name."""
        self.execute(f"ALTER TABLE {quoted_table(table)} RENAME TO {quoted(name.name)}")

    def load(self, table: TableName, rows: pa.RecordBatchReader) -> None:
        """Insert the stream, with an explicit list of columns."""
        names = column_list(rows.schema.names)
        blocks = inflow.in_blocks(rows, _ROW_GROUP, _BLOCK_BYTES)
        with self._registered(inflow.told_of(blocks, _LONG, self._bound_memory)) as source:
            self.execute(
                f"INSERT INTO {quoted_table(table)} ({names}) SELECT {names} FROM {source}"
            )

    def _bound_memory(self, row_bytes: float) -> None:
        """
        Let the engine forget what it has written, until the transaction ends.

        Only when a stream turns out to be long, for in so little memory it works on one thread; and
        never when rows are wide, since row groups must fit into it.
        """
        too_wide = row_bytes * _ROW_GROUP * _GROUPS_AT_ONCE > STREAM_BYTES
        if too_wide or self._bounded or self._path == IN_MEMORY:
            return
        now = "parse_formatted_bytes(current_setting('memory_limit'))"
        # On a cursor, since a statement of ours is running; an engine may hold more by now, and is
        # asked again with the next rows, or be too old to say how much it may hold.
        with suppress(installed().Error), closing(self.connection.cursor()) as cursor:
            [most] = cursor.execute(f"SELECT {now}").fetchone() or (0,)
            if most > STREAM_BYTES:
                cursor.execute(f"SET memory_limit = '{STREAM_BYTES}B'")
                self._bounded = True

    def _unbound_memory(self) -> None:
        if self._bounded and self._connection is not None:
            self._bounded = False
            with suppress(installed().Error), closing(self._connection.cursor()) as cursor:
                cursor.execute("RESET memory_limit")

    def insert(self, table: TableName, statement: Statement) -> tuple[int, None]:
        """Insert the answer of a SELECT, with an explicit list of columns."""
        names = column_list(self.names_of(statement))
        text = f"INSERT INTO {quoted_table(table)} ({names}) SELECT {names} FROM "
        return self.change(text + wrapped(statement), statement.values), None

    @contextmanager
    def _registered(self, rows: Any) -> Iterator[str]:
        name = f"ml_rows_{uuid4().hex}"
        with told():
            self.connection.register(name, rows)
        try:
            yield name
        finally:
            # In a transaction that has failed nothing can be dropped: its rollback does it.
            with suppress(installed().Error):
                self.connection.unregister(name)


def _batches(
    cursor: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, path: str
) -> Iterator[pa.RecordBatch]:
    try:
        with told():
            yield from reader
    finally:
        reader.close()
        closed(cursor, path)
