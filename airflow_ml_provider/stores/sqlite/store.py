"""A SQLite store: tables and ledger in one file, written by one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.domain.readiness import SourceFacts
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import FeatureSource, LabelSource
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.connection.session import OnStep, unobserved
from airflow_ml_provider.stores.ledger.sql import SqlLedger
from airflow_ml_provider.stores.sql import joins
from airflow_ml_provider.stores.sql.store import SqlStore
from airflow_ml_provider.stores.sqlite.session import SqliteSession


class SqliteStore(SqlStore):
    """
    A store in one SQLite file, made at first use.

    Any number of processes may read while one writes; another writer waits up to ``lock_wait``
    seconds. A table ``schema.table`` is kept under that one name. Moments are kept as text in
    UTC, and a source whose times do not compare with it is refused.
    """

    capabilities = Capabilities(row_lock=False, nan=False, new_versions=True)

    def __init__(
        self,
        path: str | Path,
        *,
        lock_wait: float = 60.0,
        lease_seconds: float = 120.0,
        on_step: OnStep = unobserved,
    ) -> None:
        self._sqlite = SqliteSession(str(path), lock_wait)
        ledger = SqlLedger(self._sqlite, lease_seconds=lease_seconds)
        super().__init__(self._sqlite, ledger, on_step)
        self._renamer = self._sqlite

    def probe(self, table: TableName, time: str, window: Window) -> SourceFacts:
        """Look at a source, when its times compare with the window; see the port."""
        self._require(table)
        self._sqlite.require_moments(table, time)
        return super().probe(table, time, window)

    def version(self, table: TableName, time: str, window: Window) -> str:
        """Return a fingerprint of a source, when its times compare with the window."""
        self._require(table)
        self._sqlite.require_moments(table, time)
        return super().version(table, time, window)

    def point_in_time(
        self,
        label: LabelSource,
        features: Sequence[FeatureSource],
        *,
        start: datetime,
        end: datetime,
        split_at: datetime,
        train_key: str,
    ) -> Query:
        """Build the SELECT of a training dataset, when the times of labels compare."""
        self._require(label.table)
        self._sqlite.require_moments(label.table, label.time)
        return super().point_in_time(
            label, features, start=start, end=end, split_at=split_at, train_key=train_key
        )

    def _views(self, features: Sequence[FeatureSource]) -> list[joins.View]:
        views = super()._views(features)
        for source in features:
            # Without it, each row would be looked for in the whole table.
            self._sqlite.index(source.table, (*source.entity, source.time))
        return views
