"""The Dag of a model: check staleness and, when stale, train, evaluate and promote."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from airflow.sdk import chain

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.factory.asset import feature_asset, model_asset
from airflow_ml_provider.factory.recipe import (
    Recipe,
    calendar_of,
    registry_of,
    store_of,
    upstream_of,
)
from airflow_ml_provider.factory.wiring import empty_dag
from airflow_ml_provider.operators.publish import PublishModelOperator
from airflow_ml_provider.operators.staleness import CheckStalenessOperator
from airflow_ml_provider.operators.training import (
    BuildDatasetOperator,
    EvaluateOperator,
    PromoteOperator,
    TrainOperator,
)
from airflow_ml_provider.schedules.timetable import AssetPartitionTimetable

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

    from airflow_ml_provider.domain.pipeline import TrainedModel

# Two trainings of one model at a time would only race for its champion.
_MAX_ACTIVE_RUNS = 1


def training_dag(recipe: Recipe) -> DAG:
    """Return the Dag that keeps a model fresh, and asks a person where that is wished for."""
    model: Outline[TrainedModel] = Outline(
        "TrainedModel", recipe["dag_id"], calendar_of(recipe), recipe["pipeline"]
    )
    with empty_dag(recipe, _timetable(recipe), max_active_runs=_MAX_ACTIVE_RUNS) as dag:
        stage: dict[str, Any] = {"model": model, **registry_of(recipe)}
        chain(
            CheckStalenessOperator(task_id="check_staleness", model=model, **store_of(recipe)),
            BuildDatasetOperator(task_id="build_dataset", **stage),
            TrainOperator(task_id="train", **stage),
            EvaluateOperator(task_id="evaluate", **stage),
            *([_approval(recipe["dag_id"])] if recipe["approve"] else []),
            PromoteOperator(task_id="promote", **stage),
            PublishModelOperator(
                task_id="publish", model=model, asset=model_asset(model.name), **store_of(recipe)
            ),
        )
    return dag


def _timetable(recipe: Recipe) -> AssetPartitionTimetable:
    # Any feature may have made the model stale, and age has no event at all.
    calendars = {feature_asset(name): each for name, each in upstream_of(recipe).items()}
    return AssetPartitionTimetable(
        calendar_of(recipe), assets=reduce(or_, calendars), calendars=calendars, ticks=True
    )


def _approval(model: str) -> BaseOperator:
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    return ApprovalOperator(
        task_id="approve",
        subject=f"Promote the challenger of {model}?",
        body="{{ ti.xcom_pull(task_ids='evaluate') }}",
    )
