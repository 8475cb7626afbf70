"""The champion of a window: never one that came after it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, strategies as st

from airflow_ml_provider.domain.champion import Reign, champion_for

JAN = {day: datetime(2013, 1, day, tzinfo=UTC) for day in range(1, 32)}


def reign(epoch, version, since):
    return Reign(epoch, version, JAN[since], JAN[31], "run", "promoted")


HISTORY = [reign(1, "1", 9), reign(2, "2", 14)]


def test_a_backfilled_window_gets_the_champion_of_its_time():
    assert champion_for(HISTORY, JAN[10]).version == "1"
    assert champion_for(HISTORY, JAN[14]).version == "2"


def test_a_window_before_the_first_champion_has_none():
    assert champion_for(HISTORY, JAN[8]) is None


def test_a_rollback_is_a_later_reign_and_wins():
    assert champion_for([*HISTORY, reign(3, "1", 9)], JAN[20]).version == "1"


@given(st.lists(st.integers(1, 30), max_size=8), st.integers(1, 31))
def test_no_window_is_scored_by_a_model_from_its_future(starts, day):
    history = [reign(i, str(i), start) for i, start in enumerate(starts, 1)]
    chosen = champion_for(history, JAN[day])

    assert chosen is None or chosen.since <= JAN[day]
