"""Training: build the dataset, train, evaluate and promote, tied together by one train key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.operators.base import MLOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_ml_provider.domain.pipeline import TrainedModel
    from airflow_ml_provider.domain.training import Training
    from airflow_ml_provider.steps.task import Task


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


class BuildDatasetOperator(TrainingOperator):
    """Join features to labels as known at the time of each label, and freeze the result."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Build the training dataset of this run's train key."""
        from airflow_ml_provider.steps.training import build_dataset

        with self.at_work(context, self.model.name) as task:
            key = self.train_key(context, task)
            training = build_dataset(
                task.store, whole(self.model), task.window, key, task.owner, task.now
            )
        return self.told(training)


class TrainOperator(TrainingOperator):
    """Run the user's training function and register one version of the model."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Train, unless this train key has a version already."""
        from airflow_ml_provider.steps.training import train

        with self.at_work(context, self.model.name) as task:
            key = self.train_key(context, task)
            training = train(task.store, self.registry(), whole(self.model), key)
        return self.told(training)


class EvaluateOperator(TrainingOperator):
    """Score challenger and champion on the frozen holdout; when the champion stays, skip the rest."""

    _can_skip_downstream = True

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the metrics and the verdict, or let the rest be skipped."""
        from airflow_ml_provider.domain.training import Stage
        from airflow_ml_provider.steps.training import evaluate

        with self.at_work(context, self.model.name) as task:
            key = self.train_key(context, task)
            training = evaluate(task.store, self.registry(), whole(self.model), key)
        outcome = self.told(training)
        if training.stage is Stage.KEPT:
            self.skip_rest(context, outcome)
        return outcome


class PromoteOperator(TrainingOperator):
    """Make the challenger the champion and the champion the previous one."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Promote, unless it was done or the champion was trained on later data."""
        from airflow_ml_provider.steps.training import promote

        with self.at_work(context, self.model.name) as task:
            key = self.train_key(context, task)
            model = whole(self.model)
            training = promote(task.store, self.registry(), model, key, task.owner, task.now)
        return self.told(training)
