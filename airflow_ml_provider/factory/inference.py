"""The Dag of batch predictions: wait for features, pin the model, predict in chunks, commit."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from airflow.sdk import chain

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.factory.asset import feature_asset, prediction_asset
from airflow_ml_provider.factory.recipe import (
    Recipe,
    calendar_of,
    registry_of,
    store_of,
    upstream_of,
)
from airflow_ml_provider.factory.wiring import empty_dag
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

_MAX_ACTIVE_RUNS = 16


def inference_dag(recipe: Recipe) -> DAG:
    """Return the Dag that scores each partition of its features with one pinned version."""
    prediction: Outline[BatchPrediction] = Outline(
        "BatchPrediction", recipe["dag_id"], calendar_of(recipe), recipe["pipeline"]
    )
    with empty_dag(recipe, _timetable(recipe), max_active_runs=_MAX_ACTIVE_RUNS) as dag:
        shared: dict[str, Any] = {"prediction": prediction, **store_of(recipe)}
        wait = DataReadySensor(task_id="wait_for_data", **shared)
        pin = PinModelOperator(task_id="pin_model", **shared)
        predict = PredictOperator.partial(
            task_id="predict", prediction=prediction, **registry_of(recipe)
        ).expand(chunk=pin.output)
        commit = CommitPredictionsOperator(task_id="commit", **shared)
        publish = PublishOperator(
            task_id="publish",
            table=recipe["table"],
            asset=prediction_asset(prediction.name),
            calendar=prediction.calendar,
            **store_of(recipe),
        )
        chain(wait, pin, predict, commit, publish)
    return dag


def _timetable(recipe: Recipe) -> AssetPartitionTimetable:
    # All features of a partition, or runs of one partition would race for it.
    calendars = {feature_asset(name): each for name, each in upstream_of(recipe).items()}
    return AssetPartitionTimetable(
        calendar_of(recipe), assets=reduce(and_, calendars), calendars=calendars
    )
