"""A recipe: everything that one Dag is made of, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from airflow_ml_provider.domain.window import Calendar, Granularity

if TYPE_CHECKING:

    class Recipe(TypedDict):
        """
        What makes one Dag: a mapping, because it goes to JSON and back as it is.

        ``calendar`` is granularity and zone; ``upstream`` the name and the calendar of each
        feature view that it reads; ``pipeline`` the plain data of the pipeline as JSON, which only
        a task that runs unfolds. Times are ISO text in UTC, ``retry_delay`` is in seconds.
        """

        dag_id: str
        kind: str
        owner: str
        retries: int
        retry_delay: float
        start: str
        end: str | None
        store: str | None
        registry: str | None
        alert: Sequence[str]
        doc: str
        calendar: Sequence[str]
        table: str
        upstream: Sequence[Sequence[str]]
        approve: bool
        pipeline: str

else:
    # Its keys are for checkers: a task that starts has no use for them, and would have to make them.
    Recipe = dict


def calendar_of(recipe: Recipe) -> Calendar:
    """Return the calendar of the Dag's partitions."""
    return _calendar(*recipe["calendar"])


def upstream_of(recipe: Recipe) -> dict[str, Calendar]:
    """Return the calendar of each feature view that the Dag reads, by name."""
    return {name: _calendar(*calendar) for name, *calendar in recipe["upstream"]}


def span_of(recipe: Recipe) -> tuple[datetime, datetime | None]:
    """Return where the data begins, and where it ends."""
    end = recipe["end"]
    last = None if end is None else datetime.fromisoformat(end)
    return datetime.fromisoformat(recipe["start"]), last


def default_args_of(recipe: Recipe) -> dict[str, Any]:
    """Return what holds for each task of the Dag."""
    return {
        "owner": recipe["owner"],
        "retries": recipe["retries"],
        "retry_delay": timedelta(seconds=recipe["retry_delay"]),
    }


def store_of(recipe: Recipe) -> dict[str, Any]:
    """Return the arguments by which a task finds its store."""
    return {"store_conn_id": recipe["store"]}


def registry_of(recipe: Recipe) -> dict[str, Any]:
    """Return the arguments by which a task finds its store and the model registry."""
    return {**store_of(recipe), "registry_conn_id": recipe["registry"]}


def _calendar(granularity: str, timezone: str) -> Calendar:
    return Calendar(Granularity(granularity), timezone)
