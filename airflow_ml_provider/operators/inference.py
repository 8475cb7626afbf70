"""Batch inference: pin what is read, predict in chunks, commit them as one partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.operators.base import MLOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_ml_provider.domain.pipeline import BatchPrediction


class InferenceOperator(MLOperator):
    """
    Base of the tasks of one batch inference, which share the pin of their run.

    :param prediction: the batch prediction.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    """

    def __init__(
        self,
        *,
        prediction: BatchPrediction | Outline[BatchPrediction],
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.calendar = prediction.calendar
        self.store_conn_id = store_conn_id
        self.prediction = prediction


class PinModelOperator(InferenceOperator):
    """
    Fix the model version, the features and the number of chunks of this run, once.

    Returns the chunk numbers, for ``PredictOperator.partial(...).expand(chunk=pin.output)``. When
    no champion may score the window, the rest is skipped and the reason logged.
    """

    _can_skip_downstream = True

    def execute(self, context: Context) -> list[int]:
        """Return the numbers of the chunks, or let the rest be skipped."""
        from airflow_ml_provider.steps.inference import pin
        from airflow_ml_provider.steps.run import name_of

        with self.at_work(context, self.prediction.name) as task:
            held = pin(task.store, whole(self.prediction), task.window, name_of(task.owner))
        self.log.info("%s %s: %s", self.prediction.name, task.window.key, held.reason)
        if held.version is None:
            self.skip_rest(context, [])
        return list(range(held.chunks))


class PredictOperator(InferenceOperator):
    """
    Score one chunk of the pinned features into staging.

    :param chunk: the number of the chunk, usually mapped over the output of ``PinModelOperator``.
    :param registry_conn_id: the connection of the model registry; None is the embedded one.
    """

    template_fields: Sequence[str] = ("store_conn_id", "registry_conn_id", "chunk")

    def __init__(
        self, *, chunk: int = 0, registry_conn_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.chunk = chunk
        self.registry_conn_id = registry_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Score the chunk."""
        from airflow_ml_provider.steps.inference import pinned, predict
        from airflow_ml_provider.steps.run import name_of

        prediction = whole(self.prediction)
        with self.at_work(context, prediction.name) as task:
            held = pinned(task.store, prediction, task.window, name_of(task.owner))
            done = predict(
                task.store,
                self.registry,
                prediction,
                task.window,
                held,
                int(self.chunk),
                task.owner,
                task.now,
            )
        self.log.info("%s chunk %s: %s", self.prediction.name, self.chunk, done.reason)
        return {"chunk": int(self.chunk), "change": done.change.value, "rows": done.line.rows}


class CommitPredictionsOperator(InferenceOperator):
    """Swap in the partition of predictions, whole, from the chunks in staging."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Commit the predictions of this run's window."""
        from airflow_ml_provider.steps.inference import commit, pinned
        from airflow_ml_provider.steps.run import name_of

        prediction = whole(self.prediction)
        with self.at_work(context, prediction.name) as task:
            held = pinned(task.store, prediction, task.window, name_of(task.owner))
            done = commit(task.store, prediction, task.window, held, task.owner, task.now)
        self.log.info("%s %s: %s", prediction.table, task.window.key, done.reason)
        return {
            "table": str(prediction.table),
            "key": task.window.key,
            "change": done.change.value,
            "rows": done.line.rows,
            "model_version": held.version,
        }
