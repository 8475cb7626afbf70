"""What a task waits for, with a reason at every look."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.sensors.data_ready import DataReadySensor

__all__ = ["DataReadySensor"]


def __getattr__(name: str) -> object:
    # Lazy for the same reason as the operators: a Dag file is parsed at the start of every task.
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    sensor = getattr(import_module(f"{__name__}.data_ready"), name)
    globals()[name] = sensor
    return sensor
