"""Wiring: what every Dag of the factory has, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk import DAG, Param

from airflow_ml_provider.factory.recipe import Recipe, default_args_of, span_of, store_of
from airflow_ml_provider.notifications import PipelineNotifier

if TYPE_CHECKING:
    from airflow_ml_provider.schedules.timetable import PartitionTimetable


@contextmanager
def empty_dag(
    recipe: Recipe, timetable: PartitionTimetable, *, max_active_runs: int
) -> Iterator[DAG]:
    """Enter the Dag of ``recipe``, scheduled and watched, to which its tasks are added."""
    start, end = span_of(recipe)
    with DAG(
        recipe["dag_id"],
        schedule=timetable,
        start_date=start,
        end_date=end,
        catchup=False,
        max_active_runs=max_active_runs,
        default_args=default_args_of(recipe),
        tags=[recipe["kind"], f"owner:{recipe['owner']}"],
        doc_md=recipe["doc"],
        on_failure_callback=[
            PipelineNotifier(recipe["alert"], **store_of(recipe), owner=recipe["owner"])
        ],
    ) as dag:
        yield dag
    # Last, since a task that is made under a param carries a copy and serializes it once more.
    dag.params["partition_key"] = _partition_key()


def _partition_key() -> Param:
    return Param(
        None,
        type=["null", "string"],
        description="The partition to work on, when the run has no partition key of its own.",
    )
