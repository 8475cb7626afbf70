"""A training task: what the stages after the verdict share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.operators.base import MLOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_ml_provider.domain.pipeline import TrainedModel
    from airflow_ml_provider.domain.training import Training
    from airflow_ml_provider.operators.task import Task


class TrainingOperator(MLOperator):
    """
    Base of the stages of one training, which are tied together by its train key.

    The key comes from the XCom of the task that judged; XComs may be lost, so without one the
    ledger's verdict for the run's window is asked. A stage that was reached is not done again.

    :param model: the trained model.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    :param registry_conn_id: the connection of the model registry; None is the embedded one.
    :param judged_by: the id of the task that judged the model.
    """

    template_fields: Sequence[str] = ("store_conn_id", "registry_conn_id")

    def __init__(
        self,
        *,
        model: TrainedModel | Outline[TrainedModel],
        store_conn_id: str | None = None,
        registry_conn_id: str | None = None,
        judged_by: str = "check_staleness",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.calendar = model.calendar
        self.store_conn_id = store_conn_id
        self.model = model
        self.registry_conn_id = registry_conn_id
        self.judged_by = judged_by

    def train_key(self, context: Context, task: Task) -> str:
        """
        Return the train key of this run.

        :raises DataError: when neither an XCom nor the ledger has a verdict that trains.
        """
        from airflow_ml_provider.steps.judgement import judged_key

        verdict = context["ti"].xcom_pull(task_ids=self.judged_by)
        if isinstance(verdict, dict) and verdict.get("trains"):
            return str(verdict["train_key"])
        return judged_key(task.store, whole(self.model), task.window)

    def told(self, training: Training) -> dict[str, Any]:
        """Log how far the training got and return it as an XCom."""
        self.log.info(
            "%s %s: %s%s",
            self.model.name,
            training.train_key,
            training.stage,
            f", {training.verdict}" if training.verdict else "",
        )
        return {
            "train_key": training.train_key,
            "stage": training.stage.value,
            "version": training.snapshot.version,
            "metrics": dict(training.metrics),
            "verdict": training.verdict,
        }
