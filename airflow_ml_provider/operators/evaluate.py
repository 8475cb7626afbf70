"""Evaluate: compare the challenger with the champion on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import whole
from airflow_ml_provider.operators.training import TrainingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


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
