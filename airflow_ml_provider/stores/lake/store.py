"""A store in a lake: tables of an open format below one root, and a ledger in SQL beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
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
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.connection.session import Dialect, OnStep, in_transaction
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    bound,
    column_list,
    inside,
    quoted,
    quoted_table,
)
from airflow_ml_provider.stores.duckdb.engine import STREAM_BYTES, DuckDBDialect, installed
from airflow_ml_provider.stores.lake.commit import dropped
from airflow_ml_provider.stores.lake.files import counted, newest
from airflow_ml_provider.stores.lake.ledger import LakeLedger
from airflow_ml_provider.stores.lake.replacement import LakeReplacement
from airflow_ml_provider.stores.lake.sql import LakeSql, columns_of
from airflow_ml_provider.stores.lake.stage import Stage, cleared
from airflow_ml_provider.stores.lake.tables import LakeFormat, LakeTable
from airflow_ml_provider.stores.ledger import garbage as ledger_garbage, lines as ledger_lines
from airflow_ml_provider.stores.sql.content import Content, measured
from airflow_ml_provider.stores.sql.joining import JoiningStore
from airflow_ml_provider.stores.sql.order import Order

# Bounds of files are kept to the millisecond.
_COARSE = timedelta(milliseconds=1)


class LakeStore(JoiningStore):
    """
    Tables in a lake; SQL is answered by DuckDB in this process, over the files of one moment.

    One object is for one thread. ``on_step`` is told of each step of a write when it is done:
    'claimed', 'begun', 'locked', 'loaded', 'audited', 'noted', 'committed'.
    """

    capabilities = Capabilities()

    def __init__(
        self,
        tables: LakeFormat,
        ledger: LakeLedger,
        address: str,
        home: Path,
        *,
        keep_hours: float,
        on_step: OnStep,
    ) -> None:
        self._tables = tables
        self._ledger = ledger
        self._home = home
        self._keep_hours = keep_hours
        self._on_step = on_step
        self._renewed: dict[Claim, Claim] = {}
        self.ledger: Ledger = ledger
        self.address = address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._tables.close()
        self._ledger.close()

    def release(self) -> None:
        """Let other processes at the ledger while this one computes; the next call returns."""
        self._ledger.release()

    def _stage(self) -> Stage:
        return Stage(self._home, keep_hours=self._keep_hours)

    def claim(self, table: TableName, key: str, owner: Owner, *, at: datetime) -> Claim:
        """Take the right to write a partition: one short transaction, the newest claim wins."""
        claim = self._ledger.claim(table, key, owner, at)
        self._ledger.release()
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
        require_no_version(schema, self.address)
        self._on_step("begun")
        held = self._ledger.held(self._renewed.get(claim, claim))
        self._renewed[claim] = held
        self._ledger.release()
        self._on_step("locked")
        order = Order(held, owned, window, recipe, expectations, at, schema)
        source = self.query(rows) if isinstance(rows, Query) else inflow.opened(rows)
        with self._stage() as stage:
            replacement = LakeReplacement(self._tables, self._ledger, stage, order, self._on_step)
            done = replacement.run(source)
        self._ledger.release()
        return done

    def count(self, table: TableName, owned: Slice) -> int | None:
        """
        Return the rows of a slice, or None when the table does not exist.

        Of files whose bounds tell that they lie inside, none is read.
        """
        seen = self._tables.open(table)
        if seen is None:
            return None
        known, files = (0, None) if seen.hindrances else counted(seen.files, owned)
        if files is not None and not files:
            return known
        where = inside(owned, _dialect().edge)
        with LakeSql(most_bytes=STREAM_BYTES) as sql:
            sql.show(table, seen.dataset(files))
            text = f"SELECT count(*) FROM {quoted_table(table)} WHERE {where.text}"
            return known + int(sql.execute(text, where.values)[0][0])

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table; empty when it does not exist."""
        seen = self._tables.open(table)
        return () if seen is None else columns_of(seen.schema)

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
        where = inside(owned, _dialect().edge)
        names = "*" if columns is None else column_list(columns)
        order = f" ORDER BY {column_list(order_by)}" if order_by else ""
        text = f"SELECT {names} FROM {quoted_table(table)} WHERE {where.text}{order}"
        return _over(table, self._existing(table)).stream(Statement(text, where.values))

    def query(self, query: Query) -> ArrowStream:
        """
        Stream the answer of a SELECT as a pyarrow RecordBatchReader.

        Only tables that it names are opened, each as it is now.

        :raises QueryError: when DuckDB refuses it.
        """
        sql, statement = LakeSql(), bound(query.sql, query.values)
        for table in sql.named(statement.text):
            seen = self._tables.open(table) or self._tables.open(_lowered(table))
            if seen is not None:
                sql.show(table, seen.dataset())
        sql.confine()
        return sql.stream(statement)

    def probe(self, table: TableName, time: str, window: Window) -> SourceFacts:
        """
        Look at a source: rows inside the window, newest event time of the table.

        :raises TableMissingError: when the table does not exist.
        """
        seen = self._existing(table)
        where = inside(TimeSlice(time, window.start, window.end), _dialect().edge)
        name, moment = quoted_table(table), quoted(time)
        highest = newest(seen.files, time)
        # The newest time lies in the files that may hold it: no others are read.
        last = Statement("TRUE")
        if highest is not None:
            last = Statement(f"{moment} >= $1", (highest - _COARSE,))
        with _over(table, seen) as sql:
            text = f"SELECT count(*) FROM {name} WHERE {where.text}"
            rows = sql.execute(text, where.values)[0][0]
            text = f"SELECT CAST(max({moment}) AS TIMESTAMP) FROM {name} WHERE {last.text}"
            found = sql.execute(text, last.values)[0][0]
        return SourceFacts(int(rows), ledger_lines.perhaps(found))

    def version(self, table: TableName, time: str, window: Window) -> str:
        """
        Return a fingerprint of the rows of a source inside the window.

        :raises TableMissingError: when the table does not exist.
        """
        known = self._ledger.schemas(table, window.start, window.end)
        return self._measured(table, TimeSlice(time, window.start, window.end), known).hash

    def digest(self, table: TableName) -> str:
        """
        Return a fingerprint of a whole table, blind to the order of rows.

        :raises TableMissingError: when the table does not exist.
        """
        content = self._measured(table, None)
        return f"{content.hash}:{content.schema}"

    def drop_slice(self, table: TableName, owned: Slice) -> None:
        """Delete a slice of a staging table; nothing happens when the table does not exist."""
        with self._stage() as stage:
            dropped(self._tables, table, owned, stage)

    def forget(self, table: TableName) -> None:
        """Drop a scratch table with its lines and history; nothing happens when there is none."""
        self._tables.drop(table)
        self._ledger.forget_table(table)

    def hint(self, table: TableName, column: str) -> None:
        """Return nothing: files know their bounds."""

    def collect(
        self, retention: Retention, now: datetime, *, dry_run: bool = False
    ) -> Sequence[Garbage]:
        """Delete what nobody needs any more, or only count it; see the port."""
        session, alive = self._ledger.session, retention.alive_since(now)
        found = list(
            ledger_garbage.collected(session, retention.remembered_since(now), dry_run=dry_run)
        )
        dead = ledger_garbage.abandoned(session, alive)
        tables = ledger_garbage.tables(session)
        for table, key in dead if not dry_run else ():
            in_transaction(session, partial(self._clear, table, key, alive))
        self._ledger.release()
        orphans = {table: self._tables.orphans(table, alive) for table in tables}
        for table, files in orphans.items() if not dry_run else ():
            self._tables.discard(table, files)
        stages = cleared(self._home, alive.timestamp(), dry_run=dry_run)
        self._ledger.release()
        return [
            *found,
            Garbage("chunks of old runs", len(dead)),
            Garbage("files that no commit names", sum(map(len, orphans.values()))),
            Garbage("stages of dead attempts", stages),
        ]

    def _clear(self, table: TableName, key: str, alive: datetime) -> None:
        """Delete a chunk, then its line, unless it has been claimed again."""
        if ledger_garbage.dropped(self._ledger.session, table, key, alive):
            self.drop_slice(table, KeySlice(STAGING_KEY, key))

    def _measured(
        self, table: TableName, owned: Slice | None, known: Collection[str] = ()
    ) -> Content:
        with _over(table, self._existing(table)) as sql:
            return measured(sql, table, owned, former=known)

    @property
    def _dialect(self) -> Dialect:
        return _dialect()

    def _existing(self, table: TableName) -> LakeTable:
        seen = self._tables.open(table)
        if seen is None:
            msg = (
                f"Table {table} does not exist in {self.address}. Check its name and schema, or "
                "run the pipeline that makes it."
            )
            raise TableMissingError(msg)
        return seen


def _lowered(table: TableName) -> TableName:
    """Return the name in lower case: names in SQL do not mind, folders do."""
    return TableName(table.schema and table.schema.lower(), table.name.lower())


def _over(table: TableName, seen: LakeTable) -> LakeSql:
    sql = LakeSql()
    sql.show(table, seen.dataset())
    return sql


def _dialect() -> DuckDBDialect:
    return DuckDBDialect(installed().__version__)
