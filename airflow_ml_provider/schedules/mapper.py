"""Mapper and window: which partitions downstream belong to a partition upstream, and back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from airflow.partition_mappers.base import PartitionMapper, RollupMapper
from airflow.partition_mappers.window import Window

from airflow_ml_provider.domain.window import Calendar, Granularity


class CalendarMapper(PartitionMapper):
    """
    Names the partition downstream in which a partition upstream begins.

    Where downstream is finer, it names every partition that begins inside the one upstream.
    """

    def __init__(
        self, upstream: Calendar, downstream: Calendar, *, max_downstream_keys: int | None = None
    ) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.upstream = upstream
        self.downstream = downstream

    def to_downstream(self, key: str) -> str | Iterable[str]:
        """
        Return the key or keys downstream.

        :raises WindowError: when ``key`` names no partition upstream; Airflow then notes "failed
            to map partition_key" in its event log and makes no run.
        """
        window = self.upstream.window(key)
        if finer(self.downstream, self.upstream):
            return [inner.key for inner in self.downstream.within(window)]
        return self.downstream.window_at(window.start).key

    def to_partition_date(self, downstream_key: str) -> datetime:
        """Return the moment at which the partition downstream begins."""
        return self.downstream.window(downstream_key).start

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` needs."""
        return {
            **super().serialize(),
            "upstream": encode(self.upstream),
            "downstream": encode(self.downstream),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CalendarMapper:
        """Return the mapper that :meth:`serialize` described."""
        return cls(
            decode(data["upstream"]),
            decode(data["downstream"]),
            max_downstream_keys=data.get("max_downstream_keys"),
        )


class CalendarWindow(Window):
    """
    Every partition upstream that begins inside one downstream.

    A local day has 23, 24 or 25 of UTC's hours here, where Airflow's own ``DayWindow`` always
    waits for 24.
    """

    def __init__(self, upstream: Calendar, downstream: Calendar) -> None:
        super().__init__()
        self.upstream = upstream
        self.downstream = downstream

    def to_upstream(self, decoded_downstream: str) -> list[str]:
        """Return the keys upstream that the partition downstream is made of."""
        outer = self.downstream.window(decoded_downstream)
        return [inner.key for inner in self.upstream.within(outer)]

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` needs."""
        return {"upstream": encode(self.upstream), "downstream": encode(self.downstream)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CalendarWindow:
        """Return the window that :meth:`serialize` described."""
        return cls(decode(data["upstream"]), decode(data["downstream"]))


def mapper_between(upstream: Calendar, downstream: Calendar) -> PartitionMapper:
    """Return the mapper by which events of ``upstream`` start runs of ``downstream``."""
    mapper = CalendarMapper(upstream, downstream)
    if upstream == downstream or finer(downstream, upstream):
        return mapper
    return RollupMapper(upstream_mapper=mapper, window=CalendarWindow(upstream, downstream))


def finer(one: Calendar, other: Calendar) -> bool:
    """Whether partitions of ``one`` are shorter than those of ``other``."""
    return one.granularity.rank < other.granularity.rank


def encode(calendar: Calendar) -> dict[str, str]:
    """Return ``calendar`` as plain data."""
    return {"granularity": calendar.granularity.value, "timezone": calendar.timezone}


def decode(data: dict[str, str]) -> Calendar:
    """Return the calendar that :func:`encode` described."""
    return Calendar(Granularity(data["granularity"]), data["timezone"])
