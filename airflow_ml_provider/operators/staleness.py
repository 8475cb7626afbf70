"""Check staleness: decide whether a model is trained, and write down why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.operators.base import MLOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_provider.domain.pipeline import TrainedModel


class CheckStalenessOperator(MLOperator):
    """
    Judge a model as of the end of the run's window, and record the verdict.

    Only a stale model that nothing holds back goes on; otherwise this task succeeds and those
    after it are skipped. The verdict is the task's XCom.

    :param model: the trained model.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    """

    _can_skip_downstream = True

    def __init__(
        self,
        *,
        model: TrainedModel | Outline[TrainedModel],
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.calendar = model.calendar
        self.store_conn_id = store_conn_id
        self.model = model

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the verdict, or let the rest be skipped."""
        from airflow_ml_provider.steps.training import judge

        with self.at_work(context, self.model.name) as task:
            staleness, _ = judge(task.store, whole(self.model), task.window, task.now)
        verdict = {
            "verdict": staleness.verdict.value,
            "reason": staleness.reason,
            "train_key": staleness.train_key,
            "trains": staleness.trains,
        }
        self.log.info("%s as of %s: %s", self.model.name, task.window.end, staleness.reason)
        if not staleness.trains:
            self.skip_rest(context, verdict)
        return verdict
