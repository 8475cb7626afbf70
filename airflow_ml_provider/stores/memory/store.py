"""A memory store: the reference for what a store does; tables live as long as the object."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.check import Expectations, audit
from airflow_ml_provider.domain.errors import (
    FencedError,
    OutsideWindowError,
    SchemaMismatchError,
    TableMissingError,
)
from airflow_ml_provider.domain.ledger import (
    Change,
    Claim,
    Line,
    Materialization,
    Owner,
    Recipe,
)
from airflow_ml_provider.domain.ports import ArrowStream, Column, Ledger, Query
from airflow_ml_provider.domain.readiness import SourceFacts
from airflow_ml_provider.domain.retention import Garbage, Retention
from airflow_ml_provider.domain.schema import SchemaPolicy, added_columns, aside
from airflow_ml_provider.domain.table import Slice, TableName, TimeSlice
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.arrow.inflow import Inflow, opened, outside
from airflow_ml_provider.stores.arrow.outgrown import outgrown
from airflow_ml_provider.stores.connection.session import Dialect, OnStep, unobserved
from airflow_ml_provider.stores.connection.statement import bound, quoted, quoted_table
from airflow_ml_provider.stores.duckdb.engine import (
    CONFIG,
    DuckDBDialect,
    installed,
    selected,
    settled,
    told,
)
from airflow_ml_provider.stores.memory import tables as memory_tables
from airflow_ml_provider.stores.memory.ledger import MemoryLedger
from airflow_ml_provider.stores.sql.joining import JoiningStore

if TYPE_CHECKING:
    import pyarrow as pa


class MemoryStore(JoiningStore):
    """
    Tables and ledger in this process, for tests and for trying things out.

    Any number of threads may use one object. SQL is answered by DuckDB over copies of the tables.
    """

    capabilities = Capabilities(new_versions=True)

    def __init__(self, location: str = "memory", *, on_step: OnStep = unobserved) -> None:
        self.address = f"memory:{location}"
        self._lock = threading.RLock()
        self._ledger = MemoryLedger(self._lock)
        self.ledger: Ledger = self._ledger
        self._tables: dict[TableName, pa.Table] = {}
        self._on_step = on_step

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def release(self) -> None:
        """Do nothing: nobody waits for this store."""

    def claim(self, table: TableName, key: str, owner: Owner, *, at: datetime) -> Claim:
        """Take the right to write a partition; the newest claim wins."""
        claim = Claim(table, key, self._ledger.claimed(table, key, owner, at), owner)
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
        self._on_step("begun")
        self._mine(claim)
        self._on_step("locked")
        source = self.query(rows) if isinstance(rows, Query) else opened(rows)
        new = self._fitted(claim.table, owned, source, schema)
        self._on_step("loaded")
        findings = audit(expectations, memory_tables.counts(new, expectations))
        findings.require(str(claim.table), claim.key)
        self._on_step("audited")
        with self._lock:
            line = self._mine(claim)
            before = ""
            if schema is SchemaPolicy.NEW_VERSION:
                before = self._set_aside(claim.table, new.schema)
                line = self._mine(claim)
            change, reason = self._exchanged(line, owned, new)
            if before:
                reason = f"{new.num_rows:,} rows of a new version, the one of before is {before}"
            known = memory_tables.of_old(new, line.schema_hash)
            changed = change is Change.WRITTEN
            line = replace(
                line,
                committed_token=claim.token,
                committed_at=at,
                changed_token=claim.token if changed else line.changed_token,
                changed_at=at if changed else line.changed_at,
                start=window.start if window else None,
                end=window.end if window else None,
                rows=new.num_rows,
                content_hash=memory_tables.content_hash(known),
                schema_hash=memory_tables.schema_hash(known),
                recipe=recipe,
            )
            self._ledger.write(line)
        self._on_step("committed")
        return Materialization(line, change, reason, findings)

    def _mine(self, claim: Claim) -> Line:
        line = self._ledger.line(claim.table, claim.key)
        if line is None or line.token != claim.token:
            msg = f"{claim.table} {claim.key} was claimed again after {claim.owner}: it must stop."
            raise FencedError(msg)
        return line

    def _fitted(
        self, table: TableName, owned: Slice, source: Any, policy: SchemaPolicy
    ) -> pa.Table:
        """Return the rows as the table has its columns, all of them inside the slice."""
        known, given = self._tables.get(table), memory_tables.plain(source.schema)
        target = given if known is None else known.schema
        if owned.column not in source.schema.names:
            msg = (
                f"The rows for {table} have no column {owned.column!r}, which says which "
                f"partition a row belongs to; they have {list(source.schema.names)}."
            )
            raise SchemaMismatchError(msg)
        makes_new = policy is SchemaPolicy.NEW_VERSION and self._ledger.lines(table)
        if makes_new and outgrown(given, target):
            target = given
        for name in added_columns(target.names, given.names, policy, table=str(table)):
            target = target.append(given.field(name))
        inflow = Inflow(source, target, owned)
        rows = inflow.table()
        strangers = rows.num_rows - rows.filter(memory_tables.inside(rows, owned)).num_rows
        if strangers:
            examples = inflow.strays()
            raise OutsideWindowError(outside(table, owned, strangers, rows.num_rows, examples))
        return rows

    def _set_aside(self, table: TableName, given: pa.Schema) -> str:
        """Give a table that rows have outgrown, and its lines, another name, and return it."""
        tables = self._tables
        ours = table in tables and self._ledger.lines(table)
        change = outgrown(given, tables[table].schema) if ours else ""
        if not change:
            return ""

        def takes(version: TableName) -> bool | None:
            kept = tables.get(version)
            return None if kept is None else not outgrown(given, kept.schema)

        name = aside(table, takes)
        tables[name] = tables.pop(table)
        self._ledger.set_aside(table, name)
        return f"{name}: {change}"

    def _exchanged(self, line: Line, owned: Slice, new: pa.Table) -> tuple[Change, str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        old = self._tables.get(line.table, new.schema.empty_table())
        mine = memory_tables.inside(old, owned)
        before, others = old.filter(mine), old.filter(pc.invert(mine))
        content, was = (
            memory_tables.content_hash(memory_tables.of_old(rows, line.schema_hash))
            for rows in (new, before)
        )
        grown = new.num_columns > old.num_columns
        if line.committed and line.content_hash == content == was and not grown:
            return Change.UNCHANGED, f"the same {new.num_rows:,} rows as before"
        self._tables[line.table] = pa.concat_tables([others, new], promote_options="default")
        return Change.WRITTEN, f"{new.num_rows:,} rows, {before.num_rows:,} before"

    def count(self, table: TableName, owned: Slice) -> int | None:
        """Return the rows of a slice, or None when the table does not exist."""
        rows = self._tables.get(table)
        return None if rows is None else rows.filter(memory_tables.inside(rows, owned)).num_rows

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table; empty when it does not exist."""
        rows = self._tables.get(table)
        fields = () if rows is None else rows.schema
        return tuple(Column(field.name, str(field.type)) for field in fields)

    def scan(
        self,
        table: TableName,
        owned: Slice | None = None,
        *,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
    ) -> ArrowStream:
        """
        Return a slice of a table as a pyarrow RecordBatchReader.

        :raises TableMissingError: when the table does not exist.
        """
        rows = self._existing(table)
        memory_tables.require(rows, *order_by, *(columns or ()))
        if owned is not None:
            rows = rows.filter(memory_tables.inside(rows, owned))
        if order_by:
            rows = rows.sort_by([(name, "ascending") for name in order_by])
        return (rows if columns is None else rows.select(list(columns))).to_reader()

    def query(self, query: Query) -> ArrowStream:
        """
        Return the answer of a SELECT as a pyarrow RecordBatchReader.

        :raises QueryError: when DuckDB refuses it.
        """
        statement = bound(query.sql, query.values)
        connection = settled(installed().connect(":memory:", config=CONFIG))
        try:
            with told():
                _copied(connection, self._tables, query.sql)
                return selected(connection, statement).to_arrow_table().to_reader()
        finally:
            connection.close()

    def probe(self, table: TableName, time: str, window: Window) -> SourceFacts:
        """
        Look at a source: rows inside the window, newest event time of the table.

        :raises TableMissingError: when the table does not exist.
        """
        rows = self._existing(table)
        here = memory_tables.inside(rows, TimeSlice(time, window.start, window.end))
        return SourceFacts(rows.filter(here).num_rows, memory_tables.newest(rows, time))

    def version(self, table: TableName, time: str, window: Window) -> str:
        """Return a fingerprint of the rows of a source inside the window."""
        rows = self._existing(table)
        here = memory_tables.inside(rows, TimeSlice(time, window.start, window.end))
        known = self._ledger.schemas(table, window.start, window.end)
        return memory_tables.content_hash(memory_tables.of_old(rows.filter(here), *known))

    def digest(self, table: TableName) -> str:
        """Return a fingerprint of a whole table, blind to the order of rows."""
        rows = self._existing(table)
        return f"{memory_tables.content_hash(rows)}:{memory_tables.schema_hash(rows)}"

    def drop_slice(self, table: TableName, owned: Slice) -> None:
        """Delete a slice of a staging table; nothing happens when the table does not exist."""
        import pyarrow.compute as pc

        with self._lock:
            rows = self._tables.get(table)
            if rows is not None:
                mine = memory_tables.inside(rows, owned)
                self._tables[table] = rows.filter(pc.invert(mine))

    def forget(self, table: TableName) -> None:
        """Drop a scratch table with its lines; nothing happens when there is none."""
        with self._lock:
            self._tables.pop(table, None)
            self._ledger.forget_table(table)

    def hint(self, table: TableName, column: str) -> None:
        """Return nothing: memory is read whole anyway."""

    def collect(
        self, retention: Retention, now: datetime, *, dry_run: bool = False
    ) -> Sequence[Garbage]:
        """Return nothing: what is here goes with the process."""
        return []

    def _existing(self, table: TableName) -> pa.Table:
        if table not in self._tables:
            msg = f"Table {table} does not exist in {self.address}."
            raise TableMissingError(msg)
        return self._tables[table]

    @property
    def _dialect(self) -> Dialect:
        return _dialect()


def _dialect() -> DuckDBDialect:
    return DuckDBDialect(installed().__version__)


def _copied(connection: Any, tables: Mapping[TableName, pa.Table], sql: str) -> None:
    """Copy the tables whose names the SQL mentions."""
    for table, rows in list(tables.items()):
        if table.name.replace('"', '""').lower() not in sql.lower():
            continue
        if table.schema:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
        connection.register("ml_rows", rows)
        connection.execute(f"CREATE TABLE {quoted_table(table)} AS SELECT * FROM ml_rows")
        connection.unregister("ml_rows")
