"""A recipe: everything that one Dag is made of, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.domain.window import Calendar, Granularity


class Recipe(NamedTuple):
    """
    What makes one Dag: a tuple, because it goes to JSON and back as it is.

    ``calendar`` is granularity and zone; ``upstream`` the name and the calendar of each feature
    view that it reads; ``pipeline`` the plain data of the pipeline as JSON, which only a task that
    runs unfolds. Times are ISO text in UTC, ``retry_delay`` is in seconds.
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

    def outline(self, kind: str) -> Outline[Any]:
        """Return the pipeline in outline; ``kind`` is the name of its class."""
        return Outline(kind, self.dag_id, self.own_calendar, self.pipeline)

    @property
    def own_calendar(self) -> Calendar:
        """The calendar of its partitions."""
        return _calendar(*self.calendar)

    @property
    def calendars(self) -> dict[str, Calendar]:
        """The calendar of each feature view that it reads, by name."""
        return {name: _calendar(*calendar) for name, *calendar in self.upstream}

    @property
    def span(self) -> tuple[datetime, datetime | None]:
        """Where its data begins, and where it ends."""
        end = None if self.end is None else datetime.fromisoformat(self.end)
        return datetime.fromisoformat(self.start), end

    @property
    def default_args(self) -> dict[str, Any]:
        """What holds for each of its tasks."""
        return {
            "owner": self.owner,
            "retries": self.retries,
            "retry_delay": timedelta(seconds=self.retry_delay),
        }

    @property
    def to_store(self) -> dict[str, Any]:
        """The arguments by which a task finds its store."""
        return {"store_conn_id": self.store}

    @property
    def to_registry(self) -> dict[str, Any]:
        """The arguments by which a task finds its store and the model registry."""
        return {**self.to_store, "registry_conn_id": self.registry}


def _calendar(granularity: str, timezone: str) -> Calendar:
    return Calendar(Granularity(granularity), timezone)
