"""Our side of a comparison: a claim and a replacement in an open store."""

from __future__ import annotations

from typing import Any

from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Window
from tests.bench import rows


class Ours:
    """A store in which one partition is replaced again and again."""

    def __init__(self, store: Store) -> None:
        self.store = store.__enter__()

    def fill(self, table: TableName, partition: rows.Partition) -> None:
        """Put a partition in, as a first run does."""
        self._replace(table, partition.window, partition.rows)

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by rows from memory."""
        self._replace(rows.TABLE, partition.window, partition.rows)

    def push(self, window: Window, sql: str) -> None:
        """Replace a partition by the answer of a SELECT that the store runs."""
        self._replace(rows.TABLE, window, Query(sql))

    def _replace(self, table: TableName, window: Window, content: Any) -> None:
        claim = self.store.claim(table, window.key, rows.OWNER, at=rows.NOW)
        done = self.store.replace(
            claim,
            rows.slice_of(window),
            content,
            window=window,
            recipe=rows.RECIPE,
            expectations=rows.CHECKS,
            at=rows.NOW,
        )
        if done.change is not Change.WRITTEN:
            msg = f"{window.key} was not written but {done.change}: nothing was measured."
            raise RuntimeError(msg)
