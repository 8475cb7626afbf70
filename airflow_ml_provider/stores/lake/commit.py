"""The end of a write to a lake: what was staged is committed, by the newest claim or not at all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from airflow_ml_provider.domain.check import Audit
from airflow_ml_provider.domain.errors import FencedError, MLProviderError, UnavailableError
from airflow_ml_provider.domain.ledger import Change, Line, Materialization
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.session import ConflictError, OnStep
from airflow_ml_provider.stores.duckdb.engine import STREAM_BYTES
from airflow_ml_provider.stores.lake.files import NUMBER, DataFile
from airflow_ml_provider.stores.lake.ledger import LakeLedger
from airflow_ml_provider.stores.lake.notes import Note
from airflow_ml_provider.stores.lake.plan import planned
from airflow_ml_provider.stores.lake.sql import LakeSql
from airflow_ml_provider.stores.lake.stage import Stage
from airflow_ml_provider.stores.lake.tables import Exchange, LakeFormat, LakeTable, writable
from airflow_ml_provider.stores.sql.content import Content, measured
from airflow_ml_provider.stores.sql.order import Order, difference, fenced, former

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE = 120.0

_Answer = TypeVar("_Answer")


def insisted(table: TableName, attempt: Callable[[], _Answer | None]) -> _Answer:
    """
    Return what ``attempt`` does, which gives None when the table has moved on under it.

    :raises ConflictError: when it does so all the time.
    """
    deadline, pause = time.monotonic() + _PATIENCE, 0.02
    while time.monotonic() < deadline:
        done = attempt()
        if done is not None:
            return done
        time.sleep(random.uniform(0, pause))  # noqa: S311  to spread the writers, not to hide
        pause = min(pause * 2, 1.0)
    msg = (
        f"{table}: each time that this attempt was about to commit, for {_PATIENCE:.0f} s, others "
        "had just committed to the table. Nothing was written. Try again later."
    )
    raise ConflictError(msg)


def dropped(tables: LakeFormat, table: TableName, owned: Slice, stage: Stage) -> bool:
    """Delete the rows of a slice; nothing happens when the table does not exist."""

    def attempt() -> bool | None:
        seen = tables.open(table)
        plan = None if seen is None else planned(writable(table, seen), owned, stage)
        if seen is None or plan is None or not plan.removed:
            return True
        kept = tables.bring(table, plan.kept)
        try:
            tables.commit(table, seen, Exchange(seen.schema, plan.removed, kept))
        except ConflictError:
            return None  # or it did come about: then there is nothing left to drop
        return True

    return insisted(table, attempt)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows that passed every check, on the stage, in the columns of the table."""

    schema: pa.Schema
    files: Sequence[Path]
    content: Content
    findings: Audit


class LakeCommit:
    """
    One commit of one partition.

    Each try looks at the table, and commits only if nobody else has committed to it since. So the
    tokens that it saw are the newest ones, whatever the ledger in SQL says by then. Who lost the
    answer finds it in the table.
    """

    def __init__(
        self, tables: LakeFormat, ledger: LakeLedger, stage: Stage, order: Order, on_step: OnStep
    ) -> None:
        self._tables = tables
        self._ledger = ledger
        self._stage = stage
        self._order = order
        self._on_step = on_step
        self._attempt = uuid4().hex
        self._brought: list[DataFile] = []
        self._noted = False
        self._unknown = False

    def run(self, prepared: Prepared) -> Materialization:
        """
        Make what was prepared the content of the partition; see ``Store.replace``.

        :raises ConflictError: when others commit to the table all the time.
        """
        table = self._order.claim.table
        try:
            return insisted(table, lambda: self._tried(prepared))
        except BaseException:
            if not self._unknown:
                self._tables.discard(table, self._brought)
            raise

    def _tried(self, prepared: Prepared) -> Materialization | None:
        """Commit, or return None when the table has moved on meanwhile."""
        order, content = self._order, prepared.content
        seen = self._tables.open(order.claim.table)
        line = self._newest(seen)
        added = _added(seen, prepared.schema)
        same = not added and self._holds(line, seen, content)
        if same:
            change, reason = Change.UNCHANGED, f"the same {content.rows:,} rows as before"
        else:
            change, reason = Change.WRITTEN, difference(line, content, added)
        after = order.line_after(line, content, change)
        if same and line.committed_token == order.claim.token - 1:
            self._ledger.found(order.claim, after, reason)
            self._on_step("committed")
            return Materialization(after, change, reason, prepared.findings)
        note = Note(self._attempt, after, change, reason)
        exchange = Exchange(prepared.schema, note=note)
        if not same:
            exchange = self._exchange(seen, prepared, note)
        if not self._committed(seen, exchange):
            return None
        told = self._ledger.noted(order.claim.table, note)
        return Materialization(told, change, reason, prepared.findings)

    def _newest(self, seen: LakeTable | None) -> Line:
        """
        Return the line of the partition.

        :raises FencedError: when there is a newer claim, or the table has rows of one.
        """
        claim = self._order.claim
        line = self._ledger.current(claim.table, claim.key, seen)
        self._ledger.release()
        if line is None or line.token != claim.token:
            raise FencedError(fenced(claim, line))
        if seen is not None and seen.token(claim.key) >= claim.token:
            raise FencedError(fenced(claim, None))
        return line

    def _holds(self, line: Line, seen: LakeTable | None, new: Content) -> bool:
        """Whether ledger and table both hold the new rows already (a stranger may have written)."""
        if seen is None or not line.committed:
            return False
        if (line.content_hash, line.schema_hash) != (new.hash, new.schema):
            return False
        with LakeSql(most_bytes=STREAM_BYTES) as sql:
            sql.show(line.table, seen.dataset())
            held = measured(sql, line.table, self._order.owned, former=former(line))
        return held.hash == new.hash

    def _exchange(self, seen: LakeTable | None, prepared: Prepared, note: Note) -> Exchange:
        """Bring the files to the table, and say which of its own go."""
        table = self._order.claim.table
        if not self._brought:
            self._brought = self._tables.bring(table, prepared.files)
        if seen is None:
            return Exchange(prepared.schema, (), self._brought, note)
        schema = self._grown(seen, prepared.schema)
        plan = planned(seen, self._order.owned, self._stage)
        kept = self._tables.bring(table, plan.kept)
        return Exchange(schema, plan.removed, [*self._brought, *kept], note)

    def _grown(self, seen: LakeTable, given: pa.Schema) -> pa.Schema:
        """
        Return the columns of the table, and behind them those that it gains.

        :raises ConflictError: when they are others than the rows were fitted to.
        """
        added = _added(seen, given)
        grows = not added or self._order.schema is SchemaPolicy.ADD_COLUMNS
        if not grows or not _alike(seen.schema, [f for f in given if f.name not in added]):
            raise ConflictError(self._made_meanwhile())
        schema = seen.schema
        for name in added:
            schema = schema.append(given.field(name))
        return schema

    def _committed(self, seen: LakeTable | None, exchange: Exchange) -> bool:
        """Commit and return whether it came about; when nobody knows, raise."""
        if not self._noted:
            self._on_step("noted")
            self._noted = True
        self._unknown = True
        try:
            self._tables.commit(self._order.claim.table, seen, exchange)
        except MLProviderError as error:
            if not self._landed(seen, error):
                self._unknown = False
                kept = [file for file in exchange.added if file not in self._brought]
                self._tables.discard(self._order.claim.table, kept)
                return False
        self._on_step("committed")
        return True

    def _landed(self, seen: LakeTable | None, error: MLProviderError) -> bool:
        """
        Return whether a commit that failed came about all the same.

        A store that repeats a request by itself reports its own success as a conflict.
        """
        claim = self._order.claim
        now = self._tables.open(claim.table)
        if now is not None and now.token(claim.key) == claim.token:
            note = now.note(claim.key)
            return note is not None and note.attempt == self._attempt
        moved_on = now is not None and (seen is None or now.version != seen.version)
        if not moved_on and not isinstance(error, ConflictError):
            self._unknown = isinstance(error, UnavailableError)
            raise error
        return False

    def _made_meanwhile(self) -> str:
        claim = self._order.claim
        return (
            f"Table {claim.table} was made with other columns while {claim.key} was computed. "
            "Nothing was written. Run this task again: it will fit its rows to the table."
        )


def _added(seen: LakeTable | None, given: pa.Schema) -> list[str]:
    """Return the columns that a table does not have yet; none of one that is to be made."""
    known = given.names if seen is None else seen.schema.names
    return [name for name in given.names if name not in known]


def _alike(one: Iterable[pa.Field], other: Iterable[pa.Field]) -> bool:
    """Whether two schemas have the same columns, in any order, under the same numbers if any."""
    kinds = [
        {field.name: (field.type, (field.metadata or {}).get(NUMBER)) for field in schema}
        for schema in (one, other)
    ]
    return bool(kinds[0] == kinds[1])
