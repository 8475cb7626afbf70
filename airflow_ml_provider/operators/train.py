"""Train: fit a model on its frozen dataset and register it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import whole
from airflow_ml_provider.operators.training import TrainingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class TrainOperator(TrainingOperator):
    """Run the user's training function and register one version of the model."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Train, unless this train key has a version already."""
        from airflow_ml_provider.steps.training import train

        with self.at_work(context, self.model.name) as task:
            key = self.train_key(context, task)
            training = train(task.store, self.registry(), whole(self.model), key)
        return self.told(training)
