"""Materialize: compute one partition of a feature view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.operators.base import MLOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_provider.domain.pipeline import FeatureView


class MaterializeOperator(MLOperator):
    """
    Compute one partition of a feature view and swap it in whole.

    A retry, or a second run of the same partition, replaces it or finds nothing to do.

    :param view: the feature view.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    """

    def __init__(
        self,
        *,
        view: FeatureView | Outline[FeatureView],
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.calendar = view.calendar
        self.store_conn_id = store_conn_id
        self.view = view

    def execute(self, context: Context) -> dict[str, Any]:
        """Materialize the window; the XCom says what changed and why."""
        from airflow_ml_provider.steps.feature import materialize

        view = whole(self.view)
        with self.at_work(context, view.name) as task:
            done = materialize(task.store, view, task.window, task.owner, task.now)
        self.log.info("%s %s: %s, %s", view.table, task.window.key, done.change, done.reason)
        return {
            "table": str(view.table),
            "key": task.window.key,
            "change": done.change.value,
            "rows": done.line.rows,
            "reason": done.reason,
        }
