"""The data-ready sensor: wait until everything that a window needs is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, timezone
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from airflow_ml_provider.domain.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView
    from airflow_ml_provider.domain.readiness import Readiness
    from airflow_ml_provider.domain.window import Window
    from airflow_ml_provider.steps.readiness import Needs

    _Waiting = FeatureView | BatchPrediction

_GRACE = timedelta(minutes=5)


class DataReadySensor(BaseSensorOperator):
    """
    Wait for the sources of a feature view, or for the features of a batch prediction.

    It looks once, and only then waits in the triggerer. How it ends says why: ready, not ready
    in time, or never to be ready. A retry waits on to the moment that the first try set.

    :param view: the feature view whose window is about to be computed.
    :param prediction: the batch prediction whose window is about to be scored.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    :param deferrable: wait in the triggerer, without a worker slot.
    """

    template_fields: Sequence[str] = ("store_conn_id",)

    def __init__(
        self,
        *,
        view: FeatureView | Outline[FeatureView] | None = None,
        prediction: BatchPrediction | Outline[BatchPrediction] | None = None,
        store_conn_id: str | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        pipelines = [given for given in (view, prediction) if given is not None]
        if len(pipelines) != 1:
            msg = f"Task {self.task_id!r} needs either 'view' or 'prediction', and not both."
            raise ValueError(msg)
        self.pipeline: _Waiting | Outline[_Waiting] = pipelines[0]
        self.store_conn_id = store_conn_id
        self.deferrable = deferrable
        self.reason = "not looked yet"

    def execute(self, context: Context) -> Any:
        """Look, then wait."""
        if not self.deferrable:
            try:
                return super().execute(context)
            except AirflowSensorTimeout as error:
                raise AirflowSensorTimeout(self._late()) from error
        seen = self.poke(context)
        return seen.xcom_value if seen else self._wait(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """
        Look once.

        :raises AirflowFailException: when waiting cannot help.
        """
        from airflow_ml_provider.domain.readiness import Verdict
        from airflow_ml_provider.triggers.look import look_once

        found: Readiness = look_once(
            self.store_conn_id, self._needs(), self._window(context), timezone.utcnow()
        )
        if found.reason != self.reason:
            self.reason = found.reason
            self.log.info("%s", found.reason)
        if found.verdict is Verdict.NEVER:
            raise AirflowFailException(found.reason)
        return PokeReturnValue(found.verdict is Verdict.READY, xcom_value=found.reason)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """
        Return the reason why the window is ready.

        :raises AirflowSensorTimeout: when it was not ready in time.
        :raises AirflowFailException: when waiting cannot help.
        """
        self.reason = event["reason"]
        self.log.info("%s", self.reason)
        if event["verdict"] == "WAIT":
            raise AirflowSensorTimeout(self._late())
        if event["verdict"] == "NEVER":
            raise AirflowFailException(self.reason)
        return self.reason

    def _wait(self, context: Context) -> None:
        from airflow_ml_provider.triggers.data_ready import DataReadyTrigger
        from airflow_ml_provider.triggers.needs import needs_to_plain, window_to_plain

        deadline = self._deadline(context)
        trigger = DataReadyTrigger(
            needs=needs_to_plain(self._needs()),
            window=window_to_plain(self._window(context)),
            store_conn_id=self.store_conn_id,
            poke_interval=self.poke_interval,
            deadline=deadline.isoformat(),
        )
        # The trigger ends by itself, with the reason; Airflow's timeout, which has none, is only
        # for one that hangs.
        left = max(deadline - timezone.utcnow(), timedelta(0)) + _GRACE
        self.defer(trigger=trigger, method_name="execute_complete", timeout=left)

    def _deadline(self, context: Context) -> datetime:
        due = timezone.utcnow() + timedelta(seconds=self.timeout)
        kept = context.get("task_state_store")
        if kept is None:
            return due
        # By the run's count of clears: a retry keeps the deadline, a person who clears it does not.
        name = f"deadline {getattr(context.get('dag_run'), 'clear_number', 0)}"
        known = kept.get(name)
        if known:
            return datetime.fromisoformat(str(known))
        kept.set(name, due.isoformat())
        return due

    def _needs(self) -> Needs:
        from airflow_ml_provider.steps.readiness import needs

        given = self.pipeline
        return needs(given.whole() if isinstance(given, Outline) else given)

    def _window(self, context: Context) -> Window:
        from airflow_ml_provider.hooks.failure import failures_told
        from airflow_ml_provider.steps.run import window_of

        with failures_told():
            return window_of(context, self.pipeline.calendar)

    def _late(self) -> str:
        return f"Not ready in time ({timedelta(seconds=self.timeout)}): {self.reason}"
