"""What the user wrote: one typed system a YAML file, and every fault of it at once. No Airflow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.spec.assembly import assembled
    from airflow_ml_provider.spec.fault import Fault, SpecError
    from airflow_ml_provider.spec.loaded import LoadedSystem
    from airflow_ml_provider.spec.loader import load, parse
    from airflow_ml_provider.spec.plan import (
        batch_predictions,
        end_of,
        feature_views,
        start_of,
        trained_models,
    )
    from airflow_ml_provider.spec.schema import json_schema
    from airflow_ml_provider.spec.system import System, dump
    from airflow_ml_provider.spec.world import World

__all__ = [
    "Fault",
    "LoadedSystem",
    "SpecError",
    "System",
    "World",
    "assembled",
    "batch_predictions",
    "dump",
    "end_of",
    "feature_views",
    "json_schema",
    "load",
    "parse",
    "start_of",
    "trained_models",
]

_ROOMS = {
    "Fault": "fault",
    "LoadedSystem": "loaded",
    "SpecError": "fault",
    "System": "system",
    "World": "world",
    "assembled": "assembly",
    "batch_predictions": "plan",
    "dump": "system",
    "end_of": "plan",
    "feature_views": "plan",
    "json_schema": "schema",
    "load": "loader",
    "parse": "loader",
    "start_of": "plan",
    "trained_models": "plan",
}


def __getattr__(name: str) -> object:
    # The models take longer to import than most files to read, and a file that has not changed
    # since it was planned needs none of them.
    if name not in _ROOMS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    found = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
