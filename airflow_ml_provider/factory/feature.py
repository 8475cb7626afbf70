"""The Dag of a feature view: wait for data, materialize, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.factory.asset import feature_asset
from airflow_ml_provider.factory.recipe import Recipe, calendar_of, store_of
from airflow_ml_provider.factory.wiring import empty_dag
from airflow_ml_provider.operators.materialize import MaterializeOperator
from airflow_ml_provider.operators.publish import PublishOperator
from airflow_ml_provider.schedules.timetable import PartitionTimetable
from airflow_ml_provider.sensors.data_ready import DataReadySensor

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.domain.pipeline import FeatureView

_MAX_ACTIVE_RUNS = 16


def feature_dag(recipe: Recipe) -> DAG:
    """Return the Dag that materializes a feature view, one run a partition."""
    view: Outline[FeatureView] = Outline(
        "FeatureView", recipe["dag_id"], calendar_of(recipe), recipe["pipeline"]
    )
    timetable = PartitionTimetable(view.calendar)
    with empty_dag(recipe, timetable, max_active_runs=_MAX_ACTIVE_RUNS) as dag:
        wait = DataReadySensor(task_id="wait_for_data", view=view, **store_of(recipe))
        materialize = MaterializeOperator(task_id="materialize", view=view, **store_of(recipe))
        publish = PublishOperator(
            task_id="publish",
            table=recipe["table"],
            asset=feature_asset(view.name),
            calendar=view.calendar,
            **store_of(recipe),
        )
        wait >> materialize >> publish
    return dag
