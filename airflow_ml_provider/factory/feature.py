"""The Dag of a feature view: wait for data, materialize, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_provider.factory.asset import feature_asset
from airflow_ml_provider.operators.materialize import MaterializeOperator
from airflow_ml_provider.operators.publish import PublishOperator
from airflow_ml_provider.schedules.timetable import PartitionTimetable
from airflow_ml_provider.sensors.data_ready import DataReadySensor

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.domain.pipeline import FeatureView
    from airflow_ml_provider.factory.wiring import Wiring

_MAX_ACTIVE_RUNS = 16


def feature_dag(wiring: Wiring, view: FeatureView) -> DAG:
    """Return the Dag that materializes ``view``, one run a partition."""
    every = view.calendar.granularity
    with wiring.dag(
        view.name,
        "features",
        purpose=f"Materializes one partition of `{view.table}` every {every}.",
        timetable=PartitionTimetable(view.calendar),
        max_active_runs=_MAX_ACTIVE_RUNS,
    ) as dag:
        wait = DataReadySensor(task_id="wait_for_data", view=view, **wiring.store)
        materialize = MaterializeOperator(task_id="materialize", view=view, **wiring.store)
        publish = PublishOperator(
            task_id="publish",
            table=view.table,
            asset=feature_asset(view),
            calendar=view.calendar,
            **wiring.store,
        )
        wait >> materialize >> publish
    return dag
