"""A replacement in a lake: rows staged where nobody looks, audited there, then committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_provider.domain.check import Audit, audit
from airflow_ml_provider.domain.errors import OutsideWindowError, SchemaMismatchError
from airflow_ml_provider.domain.ledger import Materialization
from airflow_ml_provider.domain.schema import added_columns
from airflow_ml_provider.stores.arrow.inflow import Inflow, outside
from airflow_ml_provider.stores.connection.session import OnStep
from airflow_ml_provider.stores.duckdb.engine import STREAM_BYTES
from airflow_ml_provider.stores.lake.commit import LakeCommit, Prepared
from airflow_ml_provider.stores.lake.ledger import LakeLedger
from airflow_ml_provider.stores.lake.sql import LakeSql
from airflow_ml_provider.stores.lake.stage import Stage
from airflow_ml_provider.stores.lake.tables import LakeFormat, writable
from airflow_ml_provider.stores.sql.content import Content, measured
from airflow_ml_provider.stores.sql.order import Order, former

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class LakeReplacement:
    """One run of the write protocol. Until the commit, readers see the old partition, whole."""

    def __init__(
        self,
        tables: LakeFormat,
        ledger: LakeLedger,
        stage: Stage,
        order: Order,
        on_step: OnStep,
    ) -> None:
        self._tables = tables
        self._ledger = ledger
        self._stage = stage
        self._order = order
        self._table = order.claim.table
        self._on_step = on_step

    def run(self, rows: pa.RecordBatchReader) -> Materialization:
        """Do it; see ``Store.replace``."""
        prepared = self._prepared(rows)
        end = LakeCommit(self._tables, self._ledger, self._stage, self._order, self._on_step)
        return end.run(prepared)

    def _prepared(self, rows: pa.RecordBatchReader) -> Prepared:
        schema = self._target(rows.schema)
        inflow = Inflow(rows, schema, self._order.owned)
        files = _staged(inflow, self._stage)
        self._on_step("loaded")
        content, findings = self._audited(files, inflow)
        self._on_step("audited")
        return Prepared(schema, files, content, findings)

    def _target(self, given: pa.Schema) -> pa.Schema:
        """
        Return the columns of the table, those that exist or those to be made.

        :raises SchemaMismatchError: when the rows do not have them.
        """
        column = self._order.owned.column
        if column not in given.names:
            msg = (
                f"The rows for {self._table} have no column {column!r}, which says which "
                f"partition a row belongs to; they have {list(given.names)}."
            )
            raise SchemaMismatchError(msg)
        import pyarrow as pa

        seen = self._tables.open(self._table)
        old = self._tables.stored(given) if seen is None else writable(self._table, seen).schema
        added = added_columns(old.names, given.names, self._order.schema, table=str(self._table))
        if seen is None or not added:
            return old
        return self._tables.widened(seen, pa.schema([given.field(name) for name in added]))

    def _audited(self, files: list[Path], inflow: Inflow) -> tuple[Content, Audit]:
        order = self._order
        known = former(self._ledger.line(self._table, order.claim.key))
        self._ledger.release()
        with LakeSql(most_bytes=STREAM_BYTES) as sql:
            sql.show_files(self._table, files, inflow.schema)
            content = measured(sql, self._table, order.owned, order.expectations, former=known)
        strangers = inflow.rows - content.rows
        if strangers:
            raise OutsideWindowError(
                outside(self._table, order.owned, strangers, inflow.rows, inflow.strays())
            )
        findings = audit(order.expectations, content.counts)
        findings.require(str(self._table), order.claim.key)
        return content, findings


def _staged(inflow: Inflow, stage: Stage) -> list[Path]:
    try:
        return stage.write(inflow.reader(), inflow.schema)
    except Exception:
        if inflow.error is not None:
            raise inflow.error from None
        raise
