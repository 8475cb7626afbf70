"""A MySQL session: everything a write needs, on one connection in autocommit mode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    MLProviderError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Claim
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.session import (
    ConflictError,
    DuplicateKeyError,
    LockedError,
    Row,
)
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    quoted_table,
    wrapped,
)
from airflow_ml_provider.stores.connection.watch import Patience
from airflow_ml_provider.stores.ledger import lines as ledger_lines
from airflow_ml_provider.stores.mysql import answer, link, loading, tables, types
from airflow_ml_provider.stores.mysql.dialect import COLLATIONS, MysqlDialect
from airflow_ml_provider.stores.mysql.errors import driver, told
from airflow_ml_provider.stores.mysql.location import MysqlLocation
from airflow_ml_provider.stores.mysql.takeover import Place, holders_of, watched
from airflow_ml_provider.stores.mysql.text import spelled

if TYPE_CHECKING:
    import pyarrow as pa


class MysqlSession:
    """One connection of PyMySQL's; BEGIN and COMMIT are said here alone."""

    hasher = None

    def __init__(self, location: MysqlLocation, patience: Patience) -> None:
        self.address = location.address
        self.dialect = MysqlDialect(self._flavour, self.execute)
        self._location = location
        self._patience = patience
        self._connection: Any = None
        self._in_transaction = False
        self._holds_names = False

    @property
    def connection(self) -> Any:
        """The open connection."""
        if self._connection is None:
            self._connection = link.opened(self._location, self._patience.for_locks)
        return self._connection

    @property
    def collation(self) -> str:
        """The collation that compares text byte by byte."""
        return COLLATIONS[self._flavour()]

    def _flavour(self) -> str:
        return link.flavour(self.connection)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn the driver's errors into ours, and let go of a connection that is lost."""
        try:
            with told(self.address):
                yield
        except UnavailableError as error:
            if not isinstance(error, LockedError | ConflictError):
                self.close()
            raise

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        with self.told():
            return link.asked(self.connection, spelled(sql, values))

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it inserted or found."""
        with self.told():
            return link.changed(self.connection, spelled(sql, values))

    def added(self, sql: str, values: Sequence[object]) -> bool:
        """Run an INSERT of one row, unless a row with its key is there."""
        try:
            return self.change(sql, values) > 0
        except DuplicateKeyError:
            return False

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute("START TRANSACTION")
        self._in_transaction = True

    def commit(self) -> None:
        """Commit; an error may mean that the answer was lost."""
        self.execute("COMMIT")
        self._in_transaction = False
        self._let_go()

    def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if self._connection is None:
            return
        try:
            if self._in_transaction:
                self.execute("ROLLBACK")
            self._in_transaction = False
            self._let_go()
        except MLProviderError:
            self.close()

    def _let_go(self) -> None:
        """Release the locks that have names: they outlive a transaction."""
        if self._holds_names:
            self.execute("DO RELEASE_ALL_LOCKS()")
            self._holds_names = False

    def beside(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a SELECT on a connection of its own."""
        session = self.another()
        try:
            return session.execute(sql, values)
        finally:
            session.close()

    def stream(self, statement: Statement) -> pa.RecordBatchReader:
        """Stream a SELECT over a connection of its own, which can write nothing."""
        return answer.streamed(self.another(), statement)

    def names_of(self, statement: Statement) -> list[str]:
        """Return the names of the columns of a SELECT."""
        text = spelled(f"SELECT * FROM {wrapped(statement)} LIMIT 0", statement.values)
        with self.told(), self.connection.cursor() as cursor:
            cursor.execute(text)
            return [name for name, *_ in cursor.description]

    def shape(self, statement: Statement) -> dict[str, types.Declared]:
        """Return the columns of a SELECT, as a table made of it would have them."""
        name = f'"ml_shape_{uuid4().hex}"'
        self.execute(
            f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {wrapped(statement)} LIMIT 0",
            statement.values,
        )
        try:
            return tables.described(self.execute, name)
        finally:
            self.execute(f"DROP TEMPORARY TABLE {name}")

    def declared(self, table: TableName) -> dict[str, types.Declared]:
        """Return the columns of a table or view with their types; none when it is missing."""
        try:
            return tables.described(self.execute, quoted_table(table))
        except ConfigurationError:
            # To who has no right there, a database that is missing looks like one that is denied.
            if tables.has_schema(self.execute, table):
                raise
            return {}

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table or view."""
        return tuple(Column(name, kind.name) for name, kind in self.declared(table).items())

    def another(self) -> MysqlSession:
        """Return a second session to the same database."""
        return MysqlSession(self._location, self._patience)

    def release(self) -> None:
        """Close the connection: servers have few, and end those that are idle for long."""
        if not self._in_transaction:
            self.close()

    def close(self) -> None:
        """Close the connection; the server rolls back what is open."""
        connection, self._connection = self._connection, None
        self._in_transaction = self._holds_names = False
        if connection is not None:
            # A connection that is lost already has nothing to say that matters.
            with suppress(driver().Error):
                connection.close()

    def exclusive(self, name: str) -> None:
        """Take a lock with a name until the transaction ends."""
        place = hashlib.sha256(f"{self._location.database}\0{name}".encode()).hexdigest()[:32]
        if not self._takes(f"ml/only/{place}", self._patience.for_locks):
            holder = self.holder(f"ml/only/{place}")
            msg = f"{self.address}: for too long connection {holder} has been at {name!r}."
            raise LockedError(msg)

    def _takes(self, name: str, seconds: float = 0) -> bool:
        self._holds_names = True
        return bool(self.execute("SELECT GET_LOCK($1, $2)", (name, seconds))[0][0])

    @contextmanager
    def waiting(self, claim: Claim | tuple[TableName, str]) -> Iterator[None]:
        """Name the connection after the attempt, and end a past one that holds it up."""
        table, key = (claim.table, claim.key) if isinstance(claim, Claim) else claim
        place = Place(self._location.database, table.schema or "", table.name, key)
        token = claim.token if isinstance(claim, Claim) else None
        known = token is None or self._takes(place.attempt(token))

        def newest(session: MysqlSession) -> int:
            if token is not None:
                return token
            line = ledger_lines.read(session, table, key)
            return line.token if line else 0

        mine = self.connection.thread_id()
        with watched(place, newest, mine, self._patience, self.another):
            yield
        if not known and token is not None:
            self._takes(place.attempt(token))

    def holder(self, name: str) -> int | None:
        """Return the connection that holds the lock of a name."""
        found = self.execute("SELECT IS_USED_LOCK($1)", (name,))[0][0]
        return None if found is None else int(found)

    def holders(self, waiting: int) -> list[str]:
        """Return who holds a connection up that waits for rows."""
        rows = self.execute(holders_of(self._flavour(), waiting))
        return [f"connection {number} ({user!r} at {host!r})" for number, user, host in rows]

    def end(self, connection: int) -> None:
        """End another connection of this user's, whose transaction is rolled back."""
        self.execute(f"KILL {connection:d}")

    def create_like(self, table: TableName, schema: pa.Schema, owned: Slice) -> None:
        """Create a table for rows of an Arrow schema, with an index on the slice column."""
        self._create(table, {field.name: types.declared(field) for field in schema}, owned)

    def create_from(self, table: TableName, statement: Statement, owned: Slice) -> None:
        """Create an empty table with the columns of a SELECT, and an index on the slice column."""
        shape = self.shape(statement)
        self._create(table, {name: types.derived(kind) for name, kind in shape.items()}, owned)

    def _create(
        self, table: TableName, columns: Mapping[str, types.Declared], owned: Slice
    ) -> None:
        tables.require_names(table, list(columns))
        tables.require_schema(self.execute, table, self.collation)
        self.execute(tables.creation(table, columns, owned, self.collation))

    def require_transactions(self, table: TableName) -> None:
        """
        Return when a table, if it is there, can be changed in a transaction.

        :raises ConfigurationError: naming its engine.
        """
        tables.require_transactions(self.execute, table)

    def index(self, table: TableName, columns: Sequence[str]) -> None:
        """Make sure of an index on columns of a table of ours, by which joins find a row."""
        if self.dialect.numbers_rows(quoted_table(table)):
            tables.index(self.execute, table, columns, self.declared(table))

    def missing_index(self, table: TableName, column: str) -> str | None:
        """Return the statement that makes the index of a slice column, where it is worth it."""
        if not tables.is_large(self.execute, table):
            return None
        if any(names[0] == column for names in tables.indexes(self.execute, table).values()):
            return None
        kinds = tables.indexed([column], self.declared(table))
        return f"ALTER TABLE {quoted_table(table)} ADD INDEX ({kinds})"

    def accepts(self, table: TableName, given: pa.Schema) -> pa.Schema:
        """Return the types of the table's columns, in the order of ``given``."""
        import pyarrow as pa

        kinds = self.declared(table)
        return pa.schema([(name, types.meant(kinds[name])) for name in given.names])

    def load(self, table: TableName, rows: pa.RecordBatchReader) -> None:
        """Load the stream as a file of our own making, or as long INSERTs where that is off."""
        with self.told():
            loading.loaded(self.connection, self.address, table, rows)

    def insert(self, table: TableName, statement: Statement) -> tuple[int, None]:
        """Insert the answer of a SELECT, with an explicit list of columns."""
        names = column_list(self.names_of(statement))
        text = f"INSERT INTO {quoted_table(table)} ({names}) SELECT {names} FROM "
        count = self.change(text + wrapped(statement), statement.values)
        with self.told():
            link.require_no_warning(self.connection, self.address, str(table))
        return count, None
