"""Build dataset: freeze what a model is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import whole
from airflow_ml_provider.operators.training import TrainingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


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
