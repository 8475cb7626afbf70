"""Publish: tell downstream of a change, once it is there, and only when there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.exceptions import AirflowSkipException

from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.operators.base import MLOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Asset, Context

    from airflow_ml_provider.domain.pipeline import TrainedModel
    from airflow_ml_provider.domain.table import TableName
    from airflow_ml_provider.domain.window import Calendar


class PublishOperator(MLOperator):
    """
    Emit the asset event of a partition whose content changed since the last one.

    When nothing changed the task is skipped, and a skipped task emits nothing. Airflow registers
    the event when the task has succeeded, so the ledger is told after that, by a success callback:
    told before, a task killed in between would lose the event; told after, it emits once more,
    and the tasks downstream find nothing to do. So every change is emitted at least once.

    :param table: the table whose partition is published, or its name.
    :param asset: the asset that stands for the table.
    :param calendar: how partition keys name windows.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    """

    def __init__(
        self,
        *,
        table: TableName | str,
        asset: Asset,
        calendar: Calendar,
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        from airflow_ml_provider.domain.table import TableName

        callbacks = _callbacks(kwargs.pop("on_success_callback", None))
        super().__init__(
            outlets=[asset, *kwargs.pop("outlets", ())],
            on_success_callback=[_confirm, *callbacks],
            **kwargs,
        )
        self.calendar = calendar
        self.store_conn_id = store_conn_id
        self.table = table if isinstance(table, TableName) else TableName.parse(table)
        self.asset = asset
        self.token: int | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Emit the event.

        :raises AirflowSkipException: when downstream knows the content already.
        """
        from airflow_ml_provider.steps.publish import unpublished

        with self.at_work(context, str(self.table)) as task:
            line = unpublished(task.store, self.table, task.window.key)
        if line is None:
            msg = f"{self.table} {task.window.key}: unchanged since it was published; no event"
            raise AirflowSkipException(msg)
        self.token = line.changed_token
        event = context["outlet_events"][self.asset]
        event.add_partitions(task.window.key)
        event.extra = {"content_hash": line.content_hash, "rows": line.rows}
        self.log.info("%s %s: published, %s rows", self.table, task.window.key, line.rows)
        return {"table": str(self.table), "key": task.window.key, "rows": line.rows}


class PublishModelOperator(MLOperator):
    """
    Emit the asset event of a model whose champion was changed by this run.

    The task is skipped when the champion stayed. A repeated run emits again.

    :param model: the trained model.
    :param asset: the asset that stands for it.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    """

    def __init__(
        self,
        *,
        model: TrainedModel | Outline[TrainedModel],
        asset: Asset,
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            outlets=[asset, *kwargs.pop("outlets", ())],
            **kwargs,
        )
        self.calendar = model.calendar
        self.store_conn_id = store_conn_id
        self.model = model
        self.asset = asset

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Emit the event.

        :raises AirflowSkipException: when this run promoted nothing.
        """
        from airflow_ml_provider.steps.publish import promoted

        with self.at_work(context, self.model.name) as task:
            training = promoted(task.store, whole(self.model), task.window)
        if training is None:
            msg = f"{self.model.name} {task.window.key}: the champion stayed; no event"
            raise AirflowSkipException(msg)
        event = context["outlet_events"][self.asset]
        event.add_partitions(task.window.key)
        event.extra = {"version": training.snapshot.version, "train_key": training.train_key}
        return dict(event.extra)


def _callbacks(given: Any) -> list[Callable[[Context], Any]]:
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _confirm(context: Context) -> None:
    from airflow_ml_provider.hooks.failure import failures_told
    from airflow_ml_provider.hooks.store import open_store
    from airflow_ml_provider.steps.publish import confirm
    from airflow_ml_provider.steps.run import window_of

    task = cast("PublishOperator", context["task"])
    if task.token is None:
        return
    with failures_told(), open_store(task.store_conn_id) as store:
        confirm(store, task.table, window_of(context, task.calendar).key, task.token)
