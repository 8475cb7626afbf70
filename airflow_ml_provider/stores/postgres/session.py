"""A PostgreSQL session: everything a write needs, on one ADBC connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_ml_provider.domain.errors import (
    MLProviderError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Claim
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.connection.libpq import linked
from airflow_ml_provider.stores.connection.session import ConflictError, LockedError, Row
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    quoted,
    quoted_table,
    whole,
    wrapped,
)
from airflow_ml_provider.stores.connection.watch import Patience
from airflow_ml_provider.stores.postgres import types
from airflow_ml_provider.stores.postgres.dialect import PostgresDialect
from airflow_ml_provider.stores.postgres.errors import driver, told
from airflow_ml_provider.stores.postgres.link import asked, binds, opened
from airflow_ml_provider.stores.postgres.takeover import attempt_name, watched

if TYPE_CHECKING:
    import pyarrow as pa

_FETCH_ROWS = 50_000
# Bytes from which on reading all of a table takes longer than a moment: 200,000 rows or so.
LARGE = 32 * 1024 * 1024
# Tables that are large, and have neither an index nor partitions that begin with a column. CREATE
# INDEX CONCURRENTLY is not for a table in partitions: that one is left to whoever made it so.
_WITHOUT_INDEX = """
SELECT 1 FROM pg_class AS held JOIN pg_attribute AS part ON part.attrelid = held.oid
WHERE held.oid = to_regclass($1) AND part.attname = $2 AND held.relkind = 'r'
AND pg_relation_size(held.oid) >= $3 AND NOT EXISTS (
    SELECT 1 FROM pg_index AS made WHERE made.indrelid = held.oid AND made.indisvalid
    AND made.indpred IS NULL AND made.indkey[0] = part.attnum
)
"""
# The driver sends a batch when all of it is encoded: while it encodes the next one, the server
# works on what the socket holds of the last, which is about a hundred kilobytes.
_PIECE_BYTES = 32 * 1024


class PostgresSession:
    """One ADBC connection; its transaction begins with a statement and ends where it is told."""

    hasher = None

    def __init__(
        self,
        uri: str,
        patience: Patience,
        origin: PostgresSession | None = None,
    ) -> None:
        self._uri, self.address = linked(uri)
        self._origin = origin
        self._patience = patience
        self._connection: Any = None
        self._pid = 0
        self._in_transaction = False
        self._dialect = PostgresDialect(self._major)

    @property
    def dialect(self) -> PostgresDialect:
        """What PostgreSQL says differently."""
        return self._dialect

    def _major(self) -> int:
        answer = self.execute("SELECT current_setting('server_version_num')")
        return int(answer[0][0]) // 10_000

    @property
    def connection(self) -> Any:
        """The open connection."""
        if self._connection is None:
            # The driver learns the server's types for a first connection, which takes time.
            known = self._origin._connection if self._origin else None  # noqa: SLF001  its own kind
            self._connection, self._pid = opened(
                self._uri, self.address, self._patience.for_locks, known
            )
        return self._connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        with self._statement():
            return asked(self.connection, sql, values)

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        with self._statement(), self.connection.cursor() as cursor:
            cursor.executemany(sql, binds(values))
            return int(cursor.rowcount)

    def added(self, sql: str, values: Sequence[object]) -> bool:
        """Run an INSERT of one row, unless a row with its key is there."""
        return self.change(f"{sql} ON CONFLICT DO NOTHING", values) > 0

    @contextmanager
    def _statement(self, *, creating: bool = False) -> Iterator[None]:
        """Run a statement: in the transaction that is open, or in one of its own."""
        alone = not self._in_transaction
        self._in_transaction = True
        try:
            with told(self.address, creating=creating):
                yield
                if alone:
                    self.connection.commit()
        except UnavailableError as error:
            if not isinstance(error, LockedError | ConflictError):
                self.close()
            raise
        finally:
            if alone:
                self.rollback()

    def begin(self) -> None:
        """Begin a transaction: the driver opens it with the next statement."""
        _ = self.connection
        self._in_transaction = True

    def commit(self) -> None:
        """Commit; an error may mean that the answer was lost."""
        with self._statement():
            self.connection.commit()
        self._in_transaction = False

    def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if not self._in_transaction:
            return
        self._in_transaction = False
        if self._connection is None:
            return
        try:
            with told(self.address):
                self._connection.rollback()
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
        """Stream a SELECT through a server-side cursor on a connection of its own."""
        import pyarrow as pa

        fetched = self.another().fetched(statement)
        first = next(fetched)
        schema = pa.schema([types.readable(field) for field in first.schema])
        tables = chain([first], fetched)
        batches = (types.read(b, schema) for table in tables for b in table.to_batches())
        return pa.RecordBatchReader.from_batches(schema, batches)

    def fetched(self, statement: Statement) -> Iterator[pa.Table]:
        """Yield the answer of a SELECT in pieces, at least one, and close the session."""
        try:
            self.begin()
            self.execute("SET LOCAL cursor_tuple_fraction = 1")
            self.execute(
                f"DECLARE ml_rows NO SCROLL CURSOR FOR {statement.text}", statement.values
            )
            rows = -1
            while rows:
                table = self._arrow(f"FETCH {_FETCH_ROWS} FROM ml_rows")
                yield table
                rows = table.num_rows
        finally:
            self.close()

    def _arrow(self, sql: str, values: Sequence[object] = ()) -> pa.Table:
        # COPY, the driver's default, takes neither FETCH nor binds.
        options = {"adbc.postgresql.use_copy": "false"}
        with self._statement(), self.connection.cursor(adbc_stmt_kwargs=options) as cursor:
            cursor.execute(sql, binds(values))
            return cursor.fetch_arrow_table()

    def names_of(self, statement: Statement) -> list[str]:
        """Return the names of the columns of a SELECT."""
        text = f"SELECT * FROM {wrapped(statement)} LIMIT 0"
        return list(self._arrow(text, statement.values).schema.names)

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table or view."""
        rows = self.execute(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (quoted_table(table),),
        )
        return tuple(Column(name, kind) for name, kind in rows)

    def another(self) -> PostgresSession:
        """Return a second session to the same database."""
        return PostgresSession(self._uri, self._patience, self)

    def release(self) -> None:
        """Do nothing: nobody waits for an idle connection."""

    def close(self) -> None:
        """Close the connection; the server rolls back what is open."""
        connection, self._connection = self._connection, None
        self._in_transaction = False
        if connection is not None:
            # A connection that is lost already has nothing to say that matters.
            with suppress(driver().Error):
                connection.close()

    def exclusive(self, name: str) -> None:
        """Take an advisory lock until the transaction ends."""
        self.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", (name,))

    @contextmanager
    def waiting(self, claim: Claim | tuple[TableName, str]) -> Iterator[None]:
        """Name the transaction after the attempt, and end a past one that holds it up."""
        if isinstance(claim, Claim):
            name = attempt_name(claim.table, claim.key, claim.token)
        else:
            name = attempt_name(*claim, token=None)
        self.execute("SELECT set_config('application_name', $1, true)", (name,))
        with watched(name, self._pid, self._patience, self.another):
            yield

    def create_like(self, table: TableName, schema: pa.Schema, owned: Slice) -> None:
        """Create a table for rows of an Arrow schema, with an index on the slice column."""
        columns = (f"{quoted(field.name)} {types.column_type(field)}" for field in schema)
        self._create(table, f"({', '.join(columns)})", (), schema.names, owned)

    def create_from(self, table: TableName, statement: Statement, owned: Slice) -> None:
        """Create an empty table with the columns of a SELECT, and an index on the slice column."""
        select = f"AS SELECT * FROM {wrapped(statement)} WITH NO DATA"
        names = self.names_of(statement)
        self._create(table, select, statement.values, names, owned)

    def _create(
        self,
        table: TableName,
        content: str,
        values: Sequence[object],
        columns: Sequence[str],
        owned: Slice,
    ) -> None:
        _refuse_long_names(table.schema or "", table.name, *columns)
        name = quoted_table(table)
        with self._statement(creating=True):
            if table.schema:
                asked(self.connection, f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
            asked(self.connection, f"CREATE TABLE {name} {content}", values)
            asked(self.connection, f"CREATE INDEX ON {name} ({quoted(owned.column)})")

    def missing_index(self, table: TableName, column: str) -> str | None:
        """Return the statement that makes the index of a slice column, where it is worth it."""
        rows = self.execute(_WITHOUT_INDEX, (quoted_table(table), column, LARGE))
        if not rows:
            return None
        return f"CREATE INDEX CONCURRENTLY ON {quoted_table(table)} ({quoted(column)})"

    def accepts(self, table: TableName, given: pa.Schema) -> pa.Schema:
        """Return the types of the columns, or the given ones where the server must convert."""
        import pyarrow as pa

        pairs = zip(given, self._fields(table, given.names), strict=True)
        return pa.schema([types.accepted(field, column) for field, column in pairs])

    def arrow_of(self, source: TableName | Statement) -> pa.Schema:
        """Return the columns of a table or SELECT as Arrow."""
        import pyarrow as pa

        statement = source if isinstance(source, Statement) else whole(source)
        text = f"SELECT * FROM {wrapped(statement)} LIMIT 0"
        return pa.schema(map(types.readable, self._arrow(text, statement.values).schema))

    def rename(self, table: TableName, name: TableName) -> None:
        """Give a table another name; readers wait until the transaction ends."""
        _refuse_long_names(name.name)
        self.execute(f"ALTER TABLE {quoted_table(table)} RENAME TO {quoted(name.name)}")

    def load(self, table: TableName, rows: pa.RecordBatchReader) -> None:
        """Copy the stream into the table, by way of a temporary one where types differ."""
        pairs = list(zip(rows.schema, self._fields(table, rows.schema.names), strict=True))
        if all(types.is_direct(field, column) for field, column in pairs):
            self._copy(table, rows)
            return
        # With its schema, since the driver looks for a bare name in the first one of the path only.
        stage = TableName("pg_temp", f"ml_stage_{uuid4().hex}")
        columns = (f"{quoted(field.name)} {types.column_type(field)}" for field in rows.schema)
        self.execute(
            f"CREATE TEMP TABLE {quoted_table(stage)} ({', '.join(columns)}) ON COMMIT DROP"
        )
        self._copy(stage, rows)
        kinds = {column.name: column.type for column in self.columns(table)}
        names = rows.schema.names
        casts = ", ".join(types.conversion(*pair, kinds[pair[0].name]) for pair in pairs)
        self.execute(
            f"INSERT INTO {quoted_table(table)} ({column_list(names)}) "
            f"SELECT {casts} FROM {quoted_table(stage)}"
        )

    def insert(self, table: TableName, statement: Statement) -> tuple[int, None]:
        """Insert the answer of a SELECT, with an explicit list of columns."""
        names = column_list(self.names_of(statement))
        text = f"INSERT INTO {quoted_table(table)} ({names}) SELECT {names} FROM "
        return self.change(text + wrapped(statement), statement.values), None

    def _copy(self, table: TableName, rows: pa.RecordBatchReader) -> None:
        with self._statement(), self.connection.cursor() as cursor:
            place = {"db_schema_name": table.schema} if table.schema else {}
            pieces = inflow.in_pieces(rows, _PIECE_BYTES)
            cursor.adbc_ingest(table.name, pieces, mode="append", **place)

    def _fields(self, table: TableName, names: Sequence[str]) -> pa.Schema:
        return self._arrow(
            f"SELECT {column_list(names)} FROM {quoted_table(table)} LIMIT 0"
        ).schema


def _refuse_long_names(*names: str) -> None:
    long = [name for name in names if len(name.encode()) > types.MOST_BYTES_OF_A_NAME]
    if long:
        msg = (
            f"PostgreSQL cuts names off after {types.MOST_BYTES_OF_A_NAME} bytes, so another "
            f"table or column could be meant. Shorten {', '.join(map(repr, long))}."
        )
        raise SchemaMismatchError(msg)
