"""The task around a step: its window, its store, its note in the ledger, its failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator, timezone
from airflow.sdk.bases.skipmixin import SkipMixin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_ml_provider.domain.ports import ModelRegistry
    from airflow_ml_provider.domain.window import Calendar
    from airflow_ml_provider.steps.task import Task


class MLOperator(BaseOperator, SkipMixin):
    """
    Base of all operators: opens the store for one window and says why when that fails.

    A failure that another try cannot mend ends the task at once; anything else is left to the
    task's retries.

    Each operator sets ``calendar``, how partition keys name windows, and ``store_conn_id``, the
    Airflow connection of the store (None is the embedded DuckDB file). There is no constructor here
    that would do it: Airflow fills in the defaults of a Dag once more for every constructor between
    an operator and its own base.
    """

    calendar: Calendar
    store_conn_id: str | None
    template_fields: Sequence[str] = ("store_conn_id",)

    @contextmanager
    def at_work(self, context: Context, subject: str) -> Iterator[Task]:
        """Open the store, note the try in its ledger, and translate what goes wrong."""
        from airflow_ml_provider.hooks.failure import failures_told
        from airflow_ml_provider.hooks.store import open_store
        from airflow_ml_provider.steps.attempt import attempt
        from airflow_ml_provider.steps.run import owner_of, window_of
        from airflow_ml_provider.steps.task import Task

        with failures_told():
            window, owner = window_of(context, self.calendar), owner_of(context)
            with (
                open_store(self.store_conn_id) as store,
                attempt(store.ledger, owner, f"{subject} {window.key}", clock=timezone.utcnow),
            ):
                yield Task(store, window, owner, timezone.utcnow())

    def registry(self) -> ModelRegistry:
        """Open the model registry of this task."""
        from airflow_ml_provider.hooks.registry import open_registry

        return open_registry(getattr(self, "registry_conn_id", None))

    def skip_rest(self, context: Context, result: object) -> None:
        """
        Succeed, and let the tasks after this one be skipped.

        :raises DownstreamTasksSkipped: always, when there are such tasks. Airflow pushes no XCom
            on this way out, so ``result`` is pushed here.
        """
        instance = context["ti"]
        instance.xcom_push(key="return_value", value=result)
        later = context["task"].get_direct_relatives(upstream=False)
        self.skip(ti=instance, tasks=[task for task in later if not task.is_teardown])
