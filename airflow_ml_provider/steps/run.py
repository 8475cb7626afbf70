"""A run: the window it is about and who asks, read from the context that Airflow gives a task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_ml_provider.domain.errors import WindowError
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.window import Calendar, Window


def window_of(context: Mapping[str, Any], calendar: Calendar) -> Window:
    """
    Return the window that this run is about.

    Its key is the run's partition key, else the param ``partition_key`` (a manual run), else the
    one in the run's conf (a run that another task triggered).

    :raises WindowError: when the run names no partition, or one of another granularity.
    """
    run = context.get("dag_run")
    candidates = (
        getattr(run, "partition_key", None),
        (context.get("params") or {}).get("partition_key"),
        (getattr(run, "conf", None) or {}).get("partition_key"),
    )
    for key in candidates:
        if key:
            return calendar.window(key)
    example = calendar.window_at(datetime(2013, 1, 7, tzinfo=UTC)).key
    msg = (
        f"Run {context.get('run_id')!r} names no partition, so there is nothing to work on. "
        f"Trigger it with a partition key such as {example!r}, or with the param 'partition_key'."
    )
    raise WindowError(msg)


def owner_of(context: Mapping[str, Any]) -> Owner:
    """Return who asks: the task instance of ``context``."""
    instance = context["ti"]
    map_index = instance.map_index
    return Owner(
        instance.dag_id,
        instance.run_id,
        instance.task_id,
        -1 if map_index is None else map_index,
        instance.try_number,
    )


def name_of(owner: Owner) -> str:
    """Return the name of a run among all Dags: run ids alone repeat from Dag to Dag."""
    return f"{owner.dag_id}/{owner.run_id}"
