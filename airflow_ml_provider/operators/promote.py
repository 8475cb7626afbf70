"""Promote: give the champion alias to the challenger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import whole
from airflow_ml_provider.operators.training import TrainingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


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
