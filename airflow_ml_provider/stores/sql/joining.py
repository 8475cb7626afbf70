"""What every store that answers SQL asks of its features: datasets to train on, batches to score."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from airflow_ml_provider.domain.ports import Column, Query
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import FeatureSource, LabelSource
from airflow_ml_provider.stores.connection.session import Dialect
from airflow_ml_provider.stores.sql import joins


class JoiningStore:
    """The part of a store that joins features; its SQL is that of the store's dialect."""

    @property
    def _dialect(self) -> Dialect:
        """The SQL in which the store is asked."""
        raise NotImplementedError

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table; empty when it does not exist."""
        raise NotImplementedError

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
        """
        Build the SELECT of a training dataset; see the port.

        A feature whose name is taken already comes out as ``<table>__<column>``.
        """
        return joins.point_in_time(
            self._dialect,
            label,
            self._views(features),
            start=start,
            end=end,
            split_at=split_at,
            train_key=train_key,
        )

    def feature_rows(
        self,
        features: Sequence[FeatureSource],
        *,
        start: datetime,
        end: datetime,
        chunk: tuple[int, int] = (0, 1),
    ) -> Query:
        """
        Build the SELECT of a batch to score; see the port.

        Features have the names that :meth:`point_in_time` gives them.
        """
        views = self._views(features)
        return joins.feature_rows(self._dialect, views, start=start, end=end, chunk=chunk)

    def _views(self, features: Sequence[FeatureSource]) -> list[joins.View]:
        return [joins.View(source, self.columns(source.table)) for source in features]
