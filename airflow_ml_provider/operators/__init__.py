"""What a task does: one operator a verb, usable in any Dag, with or without the YAML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.operators.inference import (
        CommitPredictionsOperator,
        PinModelOperator,
        PredictOperator,
    )
    from airflow_ml_provider.operators.materialize import MaterializeOperator
    from airflow_ml_provider.operators.publish import PublishModelOperator, PublishOperator
    from airflow_ml_provider.operators.staleness import CheckStalenessOperator
    from airflow_ml_provider.operators.training import (
        BuildDatasetOperator,
        EvaluateOperator,
        PromoteOperator,
        TrainOperator,
    )

__all__ = [
    "BuildDatasetOperator",
    "CheckStalenessOperator",
    "CommitPredictionsOperator",
    "EvaluateOperator",
    "MaterializeOperator",
    "PinModelOperator",
    "PredictOperator",
    "PromoteOperator",
    "PublishModelOperator",
    "PublishOperator",
    "TrainOperator",
]

_ROOMS = {
    "BuildDatasetOperator": "training",
    "CheckStalenessOperator": "staleness",
    "CommitPredictionsOperator": "inference",
    "EvaluateOperator": "training",
    "MaterializeOperator": "materialize",
    "PinModelOperator": "inference",
    "PredictOperator": "inference",
    "PromoteOperator": "training",
    "PublishModelOperator": "publish",
    "PublishOperator": "publish",
    "TrainOperator": "training",
}


def __getattr__(name: str) -> object:
    # A task parses its Dag file at every start, and mostly needs one of these classes.
    if name not in _ROOMS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    operator = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = operator
    return operator


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
