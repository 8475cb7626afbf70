"""Windows: what a partition key names, on ordinary days and on days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import WindowError
from airflow_ml_provider.domain.window import Calendar, Granularity, Window

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Pacific/Apia",
]
calendars = st.builds(Calendar, st.sampled_from(Granularity), st.sampled_from(ZONES))
moments = st.datetimes(
    min_value=datetime(1995, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)
)


@given(calendars, moments)
def test_every_moment_lies_in_the_window_it_is_given(calendar, moment):
    window = calendar.window_at(moment)

    assert moment in window
    assert calendar.window(window.key) == window


@given(calendars, moments)
def test_neighbours_meet_without_gap_or_overlap(calendar, moment):
    window = calendar.window_at(moment)

    assert calendar.next(window).start == window.end
    assert calendar.previous(calendar.next(window)) == window


@given(calendars, moments, st.integers(1, 20))
def test_windows_between_two_moments_tile_the_time(calendar, moment, count):
    first = calendar.window_at(moment)
    last = first
    for _ in range(count):
        last = calendar.next(last)

    windows = list(calendar.between(first.start, last.end))

    assert len(windows) == count + 1
    assert all(a.end == b.start for a, b in pairwise(windows))


@given(calendars, moments, st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_windows_are_counted_without_walking_through_them(calendar, moment, span):
    outer = Window("outer", moment, moment + span)

    left_out = calendar.timezone == "Pacific/Apia" and calendar.granularity is Granularity.DAY
    assert calendar.at_most(outer) - len(calendar.within(outer)) in ({0, 1} if left_out else {0})


@pytest.mark.parametrize(
    ("zone", "key", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-06-01", 24),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_is_as_long_as_its_clock_makes_it(zone, key, hours):
    day = Calendar(Granularity.DAY, zone).window(key)

    assert day.end - day.start == timedelta(hours=hours)
    assert len(Calendar(Granularity.HOUR, zone).within(day)) == hours


def test_hours_are_counted_in_utc_so_a_repeated_hour_has_two_keys():
    hours = Calendar(Granularity.HOUR, "Europe/Berlin")
    day = Calendar(Granularity.DAY, "Europe/Berlin").window("2026-10-25")

    assert len({window.key for window in hours.within(day)}) == 25


def test_a_day_that_a_country_skipped_is_no_window():
    days = Calendar(Granularity.DAY, "Pacific/Apia")

    with pytest.raises(WindowError, match="2011-12-30"):
        days.window("2011-12-30")
    assert days.next(days.window("2011-12-29")).key == "2011-12-31"


@pytest.mark.parametrize(
    ("granularity", "key", "says"),
    [
        (Granularity.DAY, "2013-1-5", "Write it like 2013-01-05"),
        (Granularity.DAY, "2013-02-30", "not a partition key of granularity 'day'"),
        (Granularity.DAY, "2013-01-05T00", "not a partition key"),
        (Granularity.HOUR, "2013-01-05", "2013-01-05T14"),
        (Granularity.WEEK, "2013-01-08", "Did you mean '2013-01-07'"),
        (Granularity.MONTH, "2013-13", "Write it like 2013-01"),
        (Granularity.DAY, "", "not a partition key"),
        (Granularity.DAY, None, "not a partition key"),
    ],
)
def test_a_key_that_names_no_window_says_how_to_write_one(granularity, key, says):
    with pytest.raises(WindowError, match=says):
        Calendar(granularity).window(key)


def test_an_unknown_zone_is_refused_at_once():
    with pytest.raises(WindowError, match="Europe/Berln"):
        Calendar(Granularity.DAY, "Europe/Berln")


def test_a_naive_moment_lies_in_no_window():
    with pytest.raises(WindowError, match="has no time zone"):
        Calendar(Granularity.DAY).window_at(datetime(2013, 1, 1))


def test_a_window_refuses_to_be_empty_or_naive():
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    with pytest.raises(WindowError, match="empty"):
        Window("k", noon, noon)
    with pytest.raises(WindowError, match="aware and in UTC"):
        Window("k", noon.replace(tzinfo=None), noon)


def test_granularities_are_ordered_from_fine_to_coarse():
    assert [
        g.rank for g in (Granularity.HOUR, Granularity.DAY, Granularity.WEEK, Granularity.MONTH)
    ] == [0, 1, 2, 3]
