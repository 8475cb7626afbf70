"""A store over a SQL session: everything of the port that is not one engine's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Self

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import TableMissingError
from airflow_ml_provider.domain.ledger import Claim, Materialization, Owner, Recipe
from airflow_ml_provider.domain.ports import ArrowStream, Column, Ledger, Query
from airflow_ml_provider.domain.readiness import SourceFacts
from airflow_ml_provider.domain.retention import STAGING_KEY, Garbage, Retention
from airflow_ml_provider.domain.schema import SchemaPolicy, require_no_version
from airflow_ml_provider.domain.table import KeySlice, Slice, TableName, TimeSlice
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.connection.session import (
    Dialect,
    OnStep,
    Renamer,
    Session,
    in_transaction,
)
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    bound,
    column_list,
    inside,
    quoted,
    quoted_table,
)
from airflow_ml_provider.stores.ledger import garbage as ledger_garbage, lines as ledger_lines
from airflow_ml_provider.stores.ledger.sql import SqlLedger
from airflow_ml_provider.stores.sql.content import measured
from airflow_ml_provider.stores.sql.hint import hint, say_once
from airflow_ml_provider.stores.sql.joining import JoiningStore
from airflow_ml_provider.stores.sql.order import Order
from airflow_ml_provider.stores.sql.replacement import Replacement


class SqlStore(JoiningStore):
    """
    Tables and ledger in one SQL database; one object is one connection, for one thread.

    The connection is opened at first use and closed at the end of the ``with`` block.
    ``on_step`` is told of each step of a write when it is done: 'claimed', 'begun', 'locked',
    'deleted', 'loaded', 'audited', 'noted', 'committed'.
    """

    capabilities: Capabilities = Capabilities()
    _renamer: Renamer | None = None

    def __init__(self, session: Session, ledger: SqlLedger, on_step: OnStep) -> None:
        self._session = session
        self._on_step = on_step
        self._ledger = ledger
        self.ledger: Ledger = ledger
        self.address = session.address

    @property
    def session(self) -> Session:
        """The connection, for a lake whose ledger rests here."""
        return self._session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._session.close()

    def release(self) -> None:
        """Let other processes at the store while this one computes; the next call returns."""
        self._session.release()

    def claim(self, table: TableName, key: str, owner: Owner, *, at: datetime) -> Claim:
        """Take the right to write a partition: one short transaction, the newest claim wins."""
        session = self._ledger.session

        def count_up() -> int:
            with session.waiting((table, key)):
                return ledger_lines.claimed(session, table, key, owner, at)

        claim = Claim(table, key, in_transaction(session, count_up), owner)
        self._on_step("claimed")
        return claim

    def replace(
        self,
        claim: Claim,
        owned: Slice,
        rows: ArrowStream | Query,
        *,
        window: Window | None,
        recipe: Recipe,
        expectations: Expectations,
        at: datetime,
        schema: SchemaPolicy = SchemaPolicy.FAIL,
    ) -> Materialization:
        """Make ``rows`` the whole content of the partition, or change nothing; see the port."""
        if self._renamer is None:
            require_no_version(schema, self.address)
        order = Order(claim, owned, window, recipe, expectations, at, schema)
        done = Replacement(
            self._ledger.session,
            order,
            self._on_step,
            ddl_in_transaction=self.capabilities.ddl_in_transaction,
            renamer=self._renamer,
        ).run(rows)
        say_once(self._session, claim.table, owned.column)
        return done

    def count(self, table: TableName, owned: Slice) -> int | None:
        """Return the rows of a slice, or None when the table does not exist."""
        if not self.columns(table):
            return None
        where = inside(owned, self._session.dialect.edge)
        text = f"SELECT count(*) FROM {quoted_table(table)} WHERE {where.text}"
        return int(self._session.execute(text, where.values)[0][0])

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table; empty when it does not exist."""
        return self._session.columns(table)

    def scan(
        self,
        table: TableName,
        owned: Slice | None = None,
        *,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
    ) -> ArrowStream:
        """
        Stream a slice of a table as a pyarrow RecordBatchReader, in bounded memory.

        :raises TableMissingError: when the table does not exist.
        """
        return self._session.stream(self._scanning(table, owned, columns, order_by))

    def _scanning(
        self,
        table: TableName,
        owned: Slice | None,
        columns: Sequence[str] | None,
        order_by: Sequence[str],
    ) -> Statement:
        self._require(table)
        where = inside(owned, self._session.dialect.edge)
        names = "*" if columns is None else column_list(columns)
        order = self._session.dialect.ascending(map(quoted, order_by))
        ordered = f" ORDER BY {order}" if order else ""
        text = f"SELECT {names} FROM {quoted_table(table)} WHERE {where.text}{ordered}"
        return Statement(text, where.values)

    def query(self, query: Query) -> ArrowStream:
        """
        Stream the answer of a SELECT as a pyarrow RecordBatchReader.

        :raises QueryError: when the database refuses it.
        """
        return self._session.stream(bound(query.sql, query.values))

    def probe(self, table: TableName, time: str, window: Window) -> SourceFacts:
        """
        Look at a source: rows inside the window, newest event time of the table.

        :raises TableMissingError: when the table does not exist.
        """
        self._require(table)
        dialect, name = self._session.dialect, quoted_table(table)
        where = inside(TimeSlice(time, window.start, window.end), dialect.edge)
        rows, newest = self._session.execute(
            f"SELECT (SELECT count(*) FROM {name} WHERE {where.text}), "
            f"(SELECT {dialect.utc(f'max({quoted(time)})')} FROM {name})",
            where.values,
        )[0]
        return SourceFacts(int(rows), ledger_lines.perhaps(newest))

    def version(self, table: TableName, time: str, window: Window) -> str:
        """
        Return a fingerprint of the rows of a source inside the window.

        :raises TableMissingError: when the table does not exist.
        """
        self._require(table)
        owned = TimeSlice(time, window.start, window.end)
        former = self._ledger.schemas(table, window.start, window.end)
        return measured(self._session, table, owned, former=former).hash

    def digest(self, table: TableName) -> str:
        """
        Return a fingerprint of a whole table, blind to the order of rows.

        :raises TableMissingError: when the table does not exist.
        """
        self._require(table)
        content = measured(self._session, table, None)
        return f"{content.hash}:{content.schema}"

    def drop_slice(self, table: TableName, owned: Slice) -> None:
        """Delete a slice of a staging table; nothing happens when the table does not exist."""
        if not self.columns(table):
            return
        where = inside(owned, self._session.dialect.edge)
        text = f"DELETE FROM {quoted_table(table)} WHERE {where.text}"
        in_transaction(self._session, lambda: self._session.change(text, where.values))

    def forget(self, table: TableName) -> None:
        """Drop a scratch table with its lines and history; nothing happens when there is none."""
        session = self._ledger.session

        def drop() -> None:
            ledger_lines.forgotten(session, table)
            if session.columns(table):
                session.execute(f"DROP TABLE {quoted_table(table)}")

        in_transaction(session, drop)

    def collect(
        self, retention: Retention, now: datetime, *, dry_run: bool = False
    ) -> Sequence[Garbage]:
        """Delete what nobody needs any more, or only count it; see the port."""
        session = self._ledger.session
        since, alive = retention.remembered_since(now), retention.alive_since(now)
        records = list(ledger_garbage.collected(session, since, dry_run=dry_run))
        dead = ledger_garbage.abandoned(session, alive)
        for table, key in dead if not dry_run else ():
            in_transaction(session, partial(self._clear, table, key, alive))
        return [*records, Garbage("chunks of old runs", len(dead))]

    def hint(self, table: TableName, column: str) -> str | None:
        """Return what to do when each write of a partition reads the whole of a large table."""
        return hint(self._session, table, column)

    def _clear(self, table: TableName, key: str, alive: datetime) -> None:
        """Delete a chunk and its line, unless it has been claimed again."""
        if not ledger_garbage.dropped(self._session, table, key, alive):
            return
        if STAGING_KEY in {column.name for column in self.columns(table)}:
            where = inside(KeySlice(STAGING_KEY, key), self._session.dialect.edge)
            text = f"DELETE FROM {quoted_table(table)} WHERE {where.text}"
            self._session.change(text, where.values)

    @property
    def _dialect(self) -> Dialect:
        return self._session.dialect

    def _require(self, table: TableName) -> None:
        if not self.columns(table):
            msg = (
                f"Table {table} does not exist in {self.address}. Check its name and schema, or "
                "run the pipeline that makes it."
            )
            raise TableMissingError(msg)
