"""The Dag of batch predictions: wait for features, pin the model, predict in chunks, commit."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from airflow.sdk import chain

from airflow_ml_provider.factory.asset import feature_asset, prediction_asset
from airflow_ml_provider.operators.inference import (
    CommitPredictionsOperator,
    PinModelOperator,
    PredictOperator,
)
from airflow_ml_provider.operators.publish import PublishOperator
from airflow_ml_provider.schedules.timetable import AssetPartitionTimetable
from airflow_ml_provider.sensors.data_ready import DataReadySensor

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.domain.pipeline import BatchPrediction
    from airflow_ml_provider.factory.wiring import Wiring

_MAX_ACTIVE_RUNS = 16


def inference_dag(wiring: Wiring, prediction: BatchPrediction) -> DAG:
    """Return the Dag that scores each partition of its features with one pinned version."""
    with wiring.dag(
        prediction.name,
        "inference",
        purpose=f"Scores every {prediction.calendar.granularity} of features with "
        f"`{prediction.model}@{prediction.alias}` into `{prediction.table}`.",
        timetable=_timetable(prediction),
        max_active_runs=_MAX_ACTIVE_RUNS,
    ) as dag:
        shared = {"prediction": prediction, **wiring.store}
        wait = DataReadySensor(task_id="wait_for_data", prediction=prediction, **wiring.store)
        pin = PinModelOperator(task_id="pin_model", **shared)
        predict = PredictOperator.partial(
            task_id="predict", prediction=prediction, **wiring.registry
        ).expand(chunk=pin.output)
        commit = CommitPredictionsOperator(task_id="commit", **shared)
        publish = PublishOperator(
            task_id="publish",
            table=prediction.table,
            asset=prediction_asset(prediction),
            calendar=prediction.calendar,
            **wiring.store,
        )
        chain(wait, pin, predict, commit, publish)
    return dag


def _timetable(prediction: BatchPrediction) -> AssetPartitionTimetable:
    # All features of a partition, or runs of one partition would race for it.
    calendars = {feature_asset(view): view.calendar for view in prediction.features}
    return AssetPartitionTimetable(
        prediction.calendar, assets=reduce(and_, calendars), calendars=calendars
    )
