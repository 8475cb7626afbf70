"""Timetables: a run for every partition, when it has ended, when data arrives, or both."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.exceptions import InvalidPartitionKeyError  # noqa: TID251  the scheduler catches it
from airflow.serialization.decoders import decode_asset_like
from airflow.serialization.encoders import encode_asset_like, ensure_serialized_asset
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from airflow.timetables.simple import PartitionedAssetTimetable

from airflow_ml_provider.domain.errors import WindowError
from airflow_ml_provider.domain.window import Calendar, Window
from airflow_ml_provider.schedules.mapper import decode, encode, mapper_between

if TYPE_CHECKING:
    from airflow.sdk.definitions.asset import BaseAsset
    from airflow.serialization.definitions.assets import SerializedAssetBase
    from airflow.timetables.base import TimeRestriction


class PartitionTimetable(Timetable):
    """
    Makes a run for each partition of a calendar as soon as it has ended.

    Airflow's ``CronPartitionTimetable`` walks from tick to tick, and where a zone changes its clock
    at midnight it leaves out a day and repeats the next (``run_offset=-1``, America/Sao_Paulo,
    2013-10-19). This one asks the calendar, which knows neither gap nor overlap.

    The Dag's start date is where the first partition may begin, its end date where the last one
    must have ended.
    """

    partitioned = True
    periodic = True
    run_ordering: Sequence[str] = ("partition_date", "run_after")
    ticks = True

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.description = f"When a {calendar.granularity} has ended ({calendar.zone_name})"

    @property
    def summary(self) -> str:
        """The few words that Airflow's UI shows."""
        return f"every {self.calendar.granularity}"

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` needs."""
        return {"calendar": encode(self.calendar)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Return the timetable that :meth:`serialize` described."""
        return cls(decode(data["calendar"]))

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """Return the moment itself: a run that is about a partition has no data interval."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> None:
        """Return nothing: partitioned runs are asked for by :meth:`next_dagrun_info_v2`."""
        return

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run of the next partition, or None when the Dag's end date is passed."""
        if not self.ticks:
            return None
        window = max(
            self._candidates(last_dagrun_info, restriction), key=lambda window: window.start
        )
        if restriction.latest is not None and window.end > restriction.latest:
            return None
        return _run(window)

    def iter_partition_dagrun_infos(
        self, *, earliest: datetime, latest: datetime
    ) -> Iterator[DagRunInfo]:
        """Yield the run of each partition that begins between two wall-clock times, inclusive."""
        first = self.localize_partition_datetime(earliest)
        last = self.localize_partition_datetime(latest)
        for window in self.calendar.between(first, last.add(microseconds=1)):
            if window.start >= first:
                yield _run(window)

    def localize_partition_datetime(self, dt: datetime) -> pendulum.DateTime:
        """Read the wall clock of ``dt`` in the calendar's zone."""
        # A plain datetime: pendulum's own takes no zone of the standard library.
        local = datetime(*dt.timetuple()[:6], dt.microsecond, tzinfo=self.calendar.zone)
        return pendulum.instance(local.astimezone(UTC))

    def generate_run_id(self, *, run_type: Any, run_after: datetime, **extra: Any) -> str:
        """Return a run id that names the partition, when there is one."""
        about = extra.get("partition_key") or run_after.isoformat()
        return str(run_type.generate_run_id(suffix=f"{about}__{secrets.token_hex(4)}"))

    def _decode_partition_date(self, partition_key: str) -> datetime:
        try:
            return self.calendar.window(partition_key).start
        except WindowError as error:
            raise InvalidPartitionKeyError(str(error)) from error

    def _candidates(
        self, last: DagRunInfo | None, restriction: TimeRestriction
    ) -> Iterator[Window]:
        """Yield windows before which no run may be made; the latest of them counts."""
        now = datetime.now(UTC)  # noqa: TID251  Airflow asks "what is next" without a time
        current = self.calendar.window_at(now)
        if last is not None:
            yield self.calendar.next(self._window_of(last))
        elif restriction.earliest is None:
            yield current
        if restriction.earliest is not None:
            yield self._from(restriction.earliest)
        if not restriction.catchup:
            yield self.calendar.previous(current)

    def _window_of(self, run: DagRunInfo) -> Window:
        # By date, not by key: the calendar of the run may have been another.
        return self.calendar.window_at(run.partition_date or run.run_after)

    def _from(self, moment: datetime) -> Window:
        window = self.calendar.window_at(moment)
        return window if window.start >= moment else self.calendar.next(window)


class AssetPartitionTimetable(PartitionTimetable, PartitionedAssetTimetable):
    """
    Makes a run for each partition that assets upstream announce; optionally also when it has ended.

    Unlike Airflow's ``PartitionedAssetTimetable`` its Dag can be backfilled, and keys that name no
    partition are refused when a run is triggered by hand.

    :param calendar: how the Dag's own partition keys name windows.
    :param assets: an asset, or several joined by ``&`` and ``|``.
    :param calendars: the calendar of each asset, where it is another.
    :param ticks: whether a run is also made when a partition has ended.
    """

    def __init__(
        self,
        calendar: Calendar,
        *,
        assets: BaseAsset | SerializedAssetBase,
        calendars: Mapping[Any, Calendar] | None = None,
        ticks: bool = False,
    ) -> None:
        PartitionTimetable.__init__(self, calendar)
        self.calendars = {
            ensure_serialized_asset(asset): upstream
            for asset, upstream in (calendars or {}).items()
        }
        PartitionedAssetTimetable.__init__(
            self,
            assets=ensure_serialized_asset(assets),
            partition_mapper_config={
                asset: mapper_between(upstream, calendar)
                for asset, upstream in self.calendars.items()
            },
            default_partition_mapper=mapper_between(calendar, calendar),
        )
        self.ticks = ticks
        ended = f", and when a {calendar.granularity} has ended" if ticks else ""
        self.description = f"When its inputs change{ended}"

    @property
    def summary(self) -> str:
        """The few words that Airflow's UI shows."""
        return f"Asset or {super().summary}" if self.ticks else "Asset"

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`deserialize` needs."""
        return {
            **super().serialize(),
            "assets": encode_asset_like(self.asset_condition),
            "calendars": [
                [encode_asset_like(asset), encode(upstream)]
                for asset, upstream in self.calendars.items()
            ],
            "ticks": self.ticks,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AssetPartitionTimetable:
        """Return the timetable that :meth:`serialize` described."""
        return cls(
            decode(data["calendar"]),
            assets=decode_asset_like(data["assets"]),
            calendars={
                decode_asset_like(asset): decode(upstream) for asset, upstream in data["calendars"]
            },
            ticks=data["ticks"],
        )


def _run(window: Window) -> DagRunInfo:
    return DagRunInfo(
        run_after=pendulum.instance(window.end),
        data_interval=None,
        partition_date=pendulum.instance(window.start),
        partition_key=window.key,
    )
