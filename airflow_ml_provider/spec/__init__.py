"""What the user wrote: one typed system a YAML file, and every fault of it at once. No Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from airflow_ml_provider.spec.system import System, dump
from airflow_ml_provider.spec.world import World

if TYPE_CHECKING:
    from airflow_ml_provider.spec.assembly import assembled as assembled
    from airflow_ml_provider.spec.schema import json_schema as json_schema

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


def __getattr__(name: str) -> object:
    # Imported on first use: where a Dag file is parsed, nobody asks for them.
    if name == "assembled":
        from airflow_ml_provider.spec.assembly import assembled

        return assembled
    if name == "json_schema":
        from airflow_ml_provider.spec.schema import json_schema

        return json_schema
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
