"""A generic session: everything a write needs, on one raw DB-API connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import DataError, SchemaMismatchError
from airflow_ml_provider.domain.ledger import Claim
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName, TimeSlice
from airflow_ml_provider.stores.connection.session import Row, RowSums
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    quoted,
    quoted_table,
    wrapped,
)
from airflow_ml_provider.stores.generic import answer
from airflow_ml_provider.stores.generic.binds import require_one_select, translated
from airflow_ml_provider.stores.generic.dialect import GenericDialect
from airflow_ml_provider.stores.generic.link import Connect, Link
from airflow_ml_provider.stores.generic.naming import OWN, index_name
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.generic.types import declared, meant, spelled
from airflow_ml_provider.stores.generic.values import (
    Hashes,
    Kinds,
    arrays,
    pieces,
    refuse_unkept,
)
from airflow_ml_provider.stores.ledger.schema import primary_key

if TYPE_CHECKING:
    import pyarrow as pa

_LOAD_ROWS = 5_000
_INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\)")


class GenericSession(Link):
    """A session over a link: what the store reads, writes and makes."""

    def __init__(self, connect: Connect, profile: Profile, address: str) -> None:
        super().__init__(connect, profile, address)
        self.dialect = GenericDialect(profile)
        self._kinds: dict[str, Kinds] = {}
        self._sent: Hashes | None = None

    @property
    def hasher(self) -> GenericSession:
        """This session: SQL has no hash that all engines share."""
        return self

    def added(self, sql: str, values: Sequence[object]) -> bool:
        """
        Run an INSERT of one row into the ledger, unless a row with its key is there.

        :raises DuplicateKeyError: when one has come at the same moment.
        """
        if not self.profile.capabilities.unique_keys:
            self.exclusive("a new key")
        found = _INSERT.match(sql)
        assert found is not None  # noqa: S101  only the ledger's records are added
        table, names = found[1], [name.strip(' "') for name in found[2].split(",")]
        binds = {name: f"${names.index(name) + 1}" for name in primary_key(table)}
        where = " AND ".join(f"{name} = {bind}" for name, bind in binds.items())
        if self.execute(f"SELECT 1 FROM {table} WHERE {where}", values):
            return False
        return self.change(sql, values) > 0

    def rollback(self) -> None:
        """Roll back, if there is anything to; what was sent is sent no more."""
        self._sent = None
        super().rollback()

    def beside(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a SELECT on a connection of its own."""
        session = self.another()
        try:
            return session.execute(sql, values)
        finally:
            session.close()

    def stream(self, statement: Statement) -> pa.RecordBatchReader:
        """Stream a SELECT over a connection of its own, closed at the end of the rows."""
        require_one_select(statement.text)
        return self.typed(statement, {})

    def typed(self, statement: Statement, kinds: Kinds) -> pa.RecordBatchReader:
        """Stream a SELECT some of whose columns are of known types."""
        import pyarrow as pa

        fetched = self.another().fetched(statement)
        names, first = next(fetched)
        schema = answer.schema_of(names, first, kinds, statement, self._value)

        def batches() -> Iterator[pa.RecordBatch]:
            if first:
                yield answer.batch_of(first, schema)
            for _, rows in fetched:
                yield answer.batch_of(rows, schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def fetched(self, statement: Statement) -> Iterator[tuple[list[str], Sequence[Row]]]:
        """Yield names and rows of a SELECT, at least once, and close the session."""
        try:
            with self.statement() as cursor:
                self.run(cursor, statement.text, statement.values)
                names = answer.names_of(cursor)
                batches = answer.rows_of(cursor)
                yield names, next(batches, ())
                for rows in batches:
                    yield names, rows
        finally:
            self.close()

    def _value(self, statement: Statement) -> Row | None:
        """Return the first row of a SELECT."""
        session = self.another()
        try:
            with session.statement() as cursor:
                session.run(cursor, statement.text, statement.values)
                row: Row | None = cursor.fetchone()
                return row
        finally:
            session.close()

    def hashed(self, statement: Statement, *, beside: bool) -> RowSums:
        """
        Hash the rows of a SELECT; those that were just loaded must be what was sent.

        :raises DataError: when the engine keeps other values than it was given.
        """
        session = self.another() if beside else self
        found = Hashes()
        try:
            with session.statement() as cursor:
                session.run(cursor, statement.text, statement.values)
                names = answer.names_of(cursor)
                for rows in answer.rows_of(cursor):
                    columns = arrays(names, rows, self._kinds_of(statement))
                    pairs = zip(names, columns, strict=True)
                    found.add({name: column for name, column in pairs if name not in OWN})
        finally:
            if beside:
                session.close()
        if not beside:
            self._require_the_same(found)
        return found.sums

    def _kinds_of(self, statement: Statement) -> Kinds:
        """Return the types of the columns of the table whose slice is read."""
        for name, kinds in self._kinds.items():
            if f" FROM {name} WHERE " in statement.text:
                return kinds
        return {}

    def _require_the_same(self, found: Hashes) -> None:
        sent, self._sent = self._sent, None
        # Other numbers of rows are told by who knows the slice.
        if sent is None or sent.sums.rows != found.sums.rows or sent.same(found):
            return
        names = ", ".join(map(repr, sent.differing(found)))
        msg = (
            f"{self.profile.engine} keeps other values in column {names} than it was given: read "
            "back, they differ. Nothing was written. Declare the column otherwise, or convert its "
            "values in the step to what the engine can keep."
        )
        raise DataError(msg)

    def names_of(self, statement: Statement) -> list[str]:
        """Return the names of the columns of a SELECT."""
        with self.statement() as cursor:
            text = f"SELECT * FROM {wrapped(statement)} WHERE 1 = 0"
            self.run(cursor, text, statement.values)
            return answer.names_of(cursor)

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table or view, without those that tell versions apart."""
        schema = "$2" if table.schema else self.profile.here
        names = (table.name, table.schema) if table.schema else (table.name,)
        rows = self.execute(self.profile.catalog.format(schema=schema), names)
        found = (Column(name, spelled(kind, *digits)) for name, kind, *digits in rows)
        columns = tuple(column for column in found if column.name not in OWN)
        self._kinds[quoted_table(table)] = {c.name: meant(c.type) for c in columns}
        return columns

    def another(self) -> GenericSession:
        """Return a second session to the same place."""
        session = GenericSession(self._connect, self.profile, self.address)
        session._kinds = self._kinds
        return session

    def release(self) -> None:
        """Do nothing: between two statements nobody waits for this connection."""

    def exclusive(self, name: str) -> None:
        """Let one transaction at a time pass, where keys are not enforced: it holds a row."""
        capabilities = self.profile.capabilities
        there = self.columns(TableName(None, "ml_ledger_version"))
        if there and capabilities.transactions and not capabilities.unique_keys:
            self.change("UPDATE ml_ledger_version SET version = version")

    def waiting(self, claim: Claim | tuple[TableName, str]) -> AbstractContextManager[object]:
        """Return an empty guard: how long a lock is waited for is the engine's setting."""
        return nullcontext()

    def create_like(self, table: TableName, schema: pa.Schema, owned: Slice) -> None:
        """Create a table for rows of an Arrow schema, with an index on the slice column."""
        types = self.profile.types
        listed = (f"{quoted(field.name)} {declared(field, types)}" for field in schema)
        text = f"CREATE TABLE {quoted_table(table)} ({', '.join(listed)})"
        self._make(table, Statement(text), owned)

    def create_from(self, table: TableName, statement: Statement, owned: Slice) -> None:
        """Create an empty table with the columns of a SELECT, whose values tell their types."""
        if self.profile.copies is None:
            with self.statement() as cursor:
                self.run(cursor, statement.text, statement.values)
                names, first = answer.names_of(cursor), cursor.fetchmany(answer.ROWS)
            schema = answer.schema_of(names, first, {}, statement, self._value)
            self.create_like(table, schema, owned)
            return
        text = self.profile.copies.format(table=quoted_table(table), select=wrapped(statement))
        self._make(table, Statement(text, statement.values), owned)

    def _make(self, table: TableName, creation: Statement, owned: Slice) -> None:
        """Run what makes a table, its schema and its index."""
        if table.schema and not self.execute(self.profile.schemas, (table.schema,)):
            self.execute(f"CREATE SCHEMA {quoted(table.schema)}")
        self.execute(creation.text, creation.values)
        # Text without a limit has no index on some engines.
        types = self.profile.types
        if isinstance(owned, TimeSlice) or types["key"] == types["text"]:
            self.index(table, [owned.column])

    def index(self, table: TableName, columns: Sequence[str]) -> None:
        """Make an index on columns of a table, where the engine has any."""
        if self.profile.index is not None:
            name = quoted(index_name(table, columns))
            listed = column_list(columns)
            place = quoted_table(table)
            self.execute(self.profile.index.format(name=name, table=place, columns=listed))

    def missing_index(self, table: TableName, column: str) -> None:
        """Return None: how large a table is, and which indexes it has, each engine says otherwise."""

    def accepts(self, table: TableName, given: pa.Schema) -> pa.Schema:
        """
        Return the types of the table's columns, in the order of ``given``.

        :raises SchemaMismatchError: for a column whose type says too little.
        """
        import pyarrow as pa

        columns: Mapping[str, str] = {c.name: c.type for c in self.columns(table)}
        kinds = [(name, meant(columns[name])) for name in given.names]
        unclear = [f"{name!r} ({columns[name]})" for name, kind in kinds if kind is None]
        if unclear:
            msg = (
                f"The types of columns of {table} say too little to keep values as they are: "
                f"{', '.join(unclear)}. Nothing was written. Give them types such as BIGINT, "
                "DECIMAL(18, 2) or TIMESTAMP, or let the table be made by the first write."
            )
            raise SchemaMismatchError(msg)
        return pa.schema(kinds)

    def load(self, table: TableName, rows: pa.RecordBatchReader) -> None:
        """Insert the stream; what was sent is compared with what is read back for the hash."""
        names = list(rows.schema.names)
        binds = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        text = f"INSERT INTO {quoted_table(table)} ({column_list(names)}) VALUES ({binds})"
        bound = translated(text, self.driver.paramstyle)
        sent = Hashes()
        for batch in pieces(rows, _LOAD_ROWS):
            refuse_unkept(batch, self.profile.engine, self.profile.capabilities)
            pairs = zip(names, batch.columns, strict=True)
            sent.add({name: column for name, column in pairs if name not in OWN})
            values = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            with self.statement() as cursor:
                cursor.executemany(bound.text, [bound.values(row) for row in values])
        self._sent = sent

    def insert(self, table: TableName, statement: Statement) -> tuple[int, None]:
        """Insert the answer of a SELECT; the new rows are read back to hash them."""
        names = column_list(self.names_of(statement))
        text = f"INSERT INTO {quoted_table(table)} ({names}) SELECT {names} FROM "
        return self.change(text + wrapped(statement), statement.values), None
