from __future__ import annotations

from datetime import UTC, datetime

import pytest
from airflow.partition_mappers.base import RollupMapper
from airflow.serialization.decoders import decode_partition_mapper
from airflow.serialization.encoders import encode_partition_mapper
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import WindowError
from airflow_ml_provider.domain.window import Calendar, Granularity
from airflow_ml_provider.schedules.mapper import CalendarMapper, finer, mapper_between

HOUR = Calendar(Granularity.HOUR)
NEW_YORK = Calendar(Granularity.DAY, "America/New_York")

calendars = st.builds(
    Calendar,
    st.sampled_from(Granularity),
    st.sampled_from(["UTC", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe"]),
)
moments = st.datetimes(
    min_value=datetime.fromisoformat("2010-01-01"),
    max_value=datetime.fromisoformat("2019-01-01"),
    timezones=st.just(UTC),
)


def rollup(upstream: Calendar, downstream: Calendar) -> RollupMapper:
    mapper = mapper_between(upstream, downstream)
    assert isinstance(mapper, RollupMapper)
    return mapper


@pytest.mark.parametrize(
    ("day", "hours", "first"),
    [
        ("2013-03-09", 24, "2013-03-09T05"),
        ("2013-03-10", 23, "2013-03-10T05"),
        ("2013-11-03", 25, "2013-11-03T04"),
    ],
)
def test_a_local_day_waits_for_the_hours_it_really_has(day: str, hours: int, first: str) -> None:
    keys = rollup(HOUR, NEW_YORK).to_upstream(day)
    assert (len(keys), min(keys)) == (hours, first)


@given(calendars, calendars, moments)
def test_window_and_mapper_are_inverse(
    upstream: Calendar, downstream: Calendar, moment: datetime
) -> None:
    if upstream == downstream or finer(downstream, upstream):
        return
    mapper = rollup(upstream, downstream)
    key = upstream.window_at(moment).key
    assert key in mapper.to_upstream(str(mapper.to_downstream(key)))


def test_equal_calendars_keep_the_key_and_its_date() -> None:
    mapper = mapper_between(NEW_YORK, NEW_YORK)
    assert mapper.to_downstream("2013-03-10") == "2013-03-10"
    assert mapper.to_partition_date("2013-03-10") == datetime(2013, 3, 10, 5, tzinfo=UTC)


def test_a_finer_calendar_downstream_gets_every_partition() -> None:
    mapper = mapper_between(Calendar(Granularity.WEEK), Calendar(Granularity.DAY))
    assert list(mapper.to_downstream("2013-01-07"))[::6] == ["2013-01-07", "2013-01-13"]


def test_a_key_of_another_shape_is_refused() -> None:
    with pytest.raises(WindowError, match="not a partition key of granularity 'hour'"):
        CalendarMapper(HOUR, NEW_YORK).to_downstream("2013-01-07")


@pytest.mark.parametrize("upstream", [HOUR, NEW_YORK])
def test_a_mapper_survives_serialization(upstream: Calendar) -> None:
    data = encode_partition_mapper(mapper_between(upstream, NEW_YORK))
    assert encode_partition_mapper(decode_partition_mapper(data)) == data
