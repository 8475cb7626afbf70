"""The Dag of a model: check staleness and, when stale, train, evaluate and promote."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from airflow.sdk import chain

from airflow_ml_provider.factory.asset import feature_asset, model_asset
from airflow_ml_provider.operators.dataset import BuildDatasetOperator
from airflow_ml_provider.operators.evaluate import EvaluateOperator
from airflow_ml_provider.operators.promote import PromoteOperator
from airflow_ml_provider.operators.publish import PublishModelOperator
from airflow_ml_provider.operators.staleness import CheckStalenessOperator
from airflow_ml_provider.operators.train import TrainOperator
from airflow_ml_provider.schedules.timetable import AssetPartitionTimetable

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

    from airflow_ml_provider.domain.pipeline import TrainedModel
    from airflow_ml_provider.factory.wiring import Wiring

# Two trainings of one model at a time would only race for its champion.
_MAX_ACTIVE_RUNS = 1


def training_dag(wiring: Wiring, model: TrainedModel, *, approve: bool) -> DAG:
    """Return the Dag that keeps ``model`` fresh; ``approve`` asks a person before a promotion."""
    with wiring.dag(
        model.name,
        "training",
        purpose=f"Judges `{model.name}` every {model.calendar.granularity} and after its features "
        "change; trains it when it is stale.",
        timetable=_timetable(model),
        max_active_runs=_MAX_ACTIVE_RUNS,
    ) as dag:
        stage = {"model": model, **wiring.registry}
        chain(
            CheckStalenessOperator(task_id="check_staleness", model=model, **wiring.store),
            BuildDatasetOperator(task_id="build_dataset", **stage),
            TrainOperator(task_id="train", **stage),
            EvaluateOperator(task_id="evaluate", **stage),
            *([_approval(model)] if approve else []),
            PromoteOperator(task_id="promote", **stage),
            PublishModelOperator(
                task_id="publish", model=model, asset=model_asset(model), **wiring.store
            ),
        )
    return dag


def _timetable(model: TrainedModel) -> AssetPartitionTimetable:
    # Any feature may have made the model stale, and age has no event at all.
    calendars = {feature_asset(view): view.calendar for view in model.features}
    return AssetPartitionTimetable(
        model.calendar, assets=reduce(or_, calendars), calendars=calendars, ticks=True
    )


def _approval(model: TrainedModel) -> BaseOperator:
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    return ApprovalOperator(
        task_id="approve",
        subject=f"Promote the challenger of {model.name}?",
        body="{{ ti.xcom_pull(task_ids='evaluate') }}",
    )
