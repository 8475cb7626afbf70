from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pendulum
import pytest
import time_machine
from airflow._shared.timezones.timezone import parse_timezone
from airflow.exceptions import InvalidPartitionKeyError
from airflow.sdk import Asset
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable

from airflow_ml_provider.domain.window import Calendar, Granularity
from airflow_ml_provider.schedules.timetable import AssetPartitionTimetable, PartitionTimetable

DAY = Calendar(Granularity.DAY)
SAO_PAULO = "America/Sao_Paulo"

# Zones that change their clock at midnight, skip a whole day, or shift by half an hour.
ODD_ZONES = (
    "Africa/Cairo",
    "America/Havana",
    SAO_PAULO,
    "Asia/Beirut",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
)


def restriction(
    earliest: datetime | None = None, latest: datetime | None = None, *, catchup: bool = True
) -> TimeRestriction:
    def moment(value: datetime | None) -> pendulum.DateTime | None:
        return None if value is None else pendulum.instance(value)

    return TimeRestriction(moment(earliest), moment(latest), catchup)


def following(timetable: PartitionTimetable, count: int, earliest: datetime) -> list[DagRunInfo]:
    runs: list[DagRunInfo] = []
    for _ in range(count):
        last = runs[-1] if runs else None
        run = timetable.next_dagrun_info_v2(
            last_dagrun_info=last, restriction=restriction(earliest)
        )
        assert run is not None
        runs.append(run)
    return runs


@pytest.mark.parametrize("zone", ODD_ZONES)
@pytest.mark.parametrize("granularity", [Granularity.DAY, Granularity.WEEK, Granularity.MONTH])
def test_runs_follow_the_calendar_whatever_the_clocks_do(
    zone: str, granularity: Granularity
) -> None:
    calendar = Calendar(granularity, zone)
    first = calendar.next(calendar.window_at(datetime(2010, 1, 1, tzinfo=UTC)))
    windows = list(calendar.between(first.start, datetime(2015, 1, 1, tzinfo=UTC)))

    runs = following(PartitionTimetable(calendar), len(windows), first.start)

    assert [run.partition_key for run in runs] == [window.key for window in windows]
    assert [run.run_after for run in runs] == [window.end for window in windows]


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_a_backfill_lists_every_partition_once(zone: str) -> None:
    calendar = Calendar(Granularity.DAY, zone)
    # Airflow passes pendulum's datetimes, in UTC, and means the wall clock of the calendar.
    runs = PartitionTimetable(calendar).iter_partition_dagrun_infos(
        earliest=pendulum.datetime(2013, 1, 1), latest=pendulum.datetime(2013, 12, 31)
    )
    keys = [run.partition_key for run in runs]
    assert (keys[0], keys[-1], len(set(keys)), len(keys)) == ("2013-01-01", "2013-12-31", 365, 365)


def test_airflows_own_timetable_still_leaves_out_a_day() -> None:
    """The day this fails, Airflow has mended it, and ours can go."""
    cron = CronPartitionTimetable(
        "0 0 * * *", timezone=parse_timezone(SAO_PAULO), run_offset=-1, key_format="%Y-%m-%d"
    )
    start = datetime(2013, 10, 18, tzinfo=ZoneInfo(SAO_PAULO))
    theirs = [run.partition_key for run in following(cron, 4, start)]  # type: ignore[arg-type]
    ours = [
        run.partition_key
        for run in following(PartitionTimetable(Calendar(Granularity.DAY, SAO_PAULO)), 4, start)
    ]
    assert theirs == ["2013-10-17", "2013-10-18", "2013-10-20", "2013-10-20"]
    assert ours == ["2013-10-18", "2013-10-19", "2013-10-20", "2013-10-21"]


@time_machine.travel(datetime(2013, 1, 10, 6, tzinfo=UTC), tick=False)
def test_without_catchup_the_last_partition_that_has_ended_comes_next() -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    timetable = PartitionTimetable(DAY)

    first = timetable.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=restriction(start, catchup=False)
    )
    assert first is not None
    assert (first.partition_key, first.run_after) == (
        "2013-01-09",
        datetime(2013, 1, 10, tzinfo=UTC),
    )

    second = timetable.next_dagrun_info_v2(
        last_dagrun_info=first, restriction=restriction(start, catchup=False)
    )
    assert second is not None
    assert second.partition_key == "2013-01-10"


@time_machine.travel(datetime(2013, 1, 10, 6, tzinfo=UTC), tick=False)
def test_without_a_start_date_nothing_is_run_that_ended_before() -> None:
    run = PartitionTimetable(DAY).next_dagrun_info_v2(
        last_dagrun_info=None, restriction=restriction(catchup=True)
    )
    assert run is not None
    assert run.partition_key == "2013-01-10"


def test_the_first_partition_begins_at_or_after_the_start_date() -> None:
    [run] = following(PartitionTimetable(DAY), 1, datetime(2013, 1, 1, 5, tzinfo=UTC))
    assert run.partition_key == "2013-01-02"


@pytest.mark.parametrize(("end", "expected"), [(3, "2013-01-02"), (2, None)])
def test_no_partition_ends_after_the_end_date(end: int, expected: str | None) -> None:
    [first] = following(PartitionTimetable(DAY), 1, datetime(2013, 1, 1, tzinfo=UTC))
    run = PartitionTimetable(DAY).next_dagrun_info_v2(
        last_dagrun_info=first,
        restriction=restriction(latest=datetime(2013, 1, end, tzinfo=UTC)),
    )
    assert (run and run.partition_key) == expected


def test_a_run_of_another_granularity_does_not_stop_the_clock() -> None:
    last = DagRunInfo(
        run_after=pendulum.datetime(2013, 1, 5, 15),
        data_interval=None,
        partition_date=pendulum.datetime(2013, 1, 5, 14),
        partition_key="2013-01-05T14",
    )
    run = PartitionTimetable(DAY).next_dagrun_info_v2(
        last_dagrun_info=last, restriction=restriction()
    )
    assert run is not None
    assert run.partition_key == "2013-01-06"


def test_keys_that_name_no_partition_are_refused() -> None:
    with pytest.raises(InvalidPartitionKeyError, match="Did you mean '2013-01-07'"):
        PartitionTimetable(Calendar(Granularity.WEEK)).resolve_partition_date("2013-01-09")


@pytest.mark.parametrize("ticks", [True, False])
def test_a_timetable_survives_serialization(ticks: bool) -> None:
    hours = Asset("flights.hourly", uri="ml://flights/hourly")
    days = Asset("flights.daily", uri="ml://flights/daily")
    timetable = AssetPartitionTimetable(
        Calendar(Granularity.DAY, SAO_PAULO),
        assets=hours & days,
        calendars={hours: Calendar(Granularity.HOUR)},
        ticks=ticks,
    )
    again = decode_timetable(encode_timetable(timetable))

    assert encode_timetable(again) == encode_timetable(timetable)
    assert isinstance(again, AssetPartitionTimetable)
    assert (again.calendar, again.ticks) == (timetable.calendar, ticks)
    assert again.get_partition_mapper(name=hours.name, uri=hours.uri).is_rollup
    assert not again.get_partition_mapper(name=days.name, uri=days.uri).is_rollup


def test_without_ticks_only_assets_make_runs_and_backfills_still_work() -> None:
    timetable = AssetPartitionTimetable(DAY, assets=Asset("a", uri="ml://s/a"))
    day = datetime(2013, 1, 5, tzinfo=UTC)

    assert timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction()) is None
    assert timetable.periodic
    [run] = timetable.iter_partition_dagrun_infos(earliest=day, latest=day)
    assert run.partition_key == "2013-01-05"
