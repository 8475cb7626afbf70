"""Who holds a partition up on PostgreSQL: an older attempt of ours is ended, a stranger named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from adbc_driver_postgresql import dbapi

from airflow_ml_provider.domain.errors import FencedError, UnavailableError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.open import open_store
from airflow_ml_provider.stores.postgres.takeover import attempt_name, is_past
from tests.stores.attempt import LOADING, Attempt, Plan
from tests.stores.conftest import Place, administer
from tests.stores.world import READINGS, claim, day, put, readings, values, vouched

pytestmark = pytest.mark.postgres

QUICK = {"takeover_after": 0.1, "lock_wait": 30.0}
IMPATIENT = {"takeover_after": 0.1, "lock_wait": 0.6}


def sessions(place: Place, name: str = "ml/%") -> list[tuple[object, ...]]:
    """Return the sessions of attempts that the server has."""
    return administer(
        place.location,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        f"AND application_name LIKE '{name}'",
    )


@contextmanager
def stranger(place: Place, statement: str) -> Iterator[Any]:
    """Hold the locks of a statement, as somebody does who works on the database by hand."""
    with (
        dbapi.connect(f"{place.location}&application_name=psql") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
        cursor.execute(statement)
        yield pid
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("step", ["locked", LOADING, "noted"])
def test_a_frozen_attempt_is_ended_by_the_next_and_changes_nothing_when_it_thaws(
    postgres: Place, step: str
) -> None:
    with (
        open_store(postgres.kind, postgres.location, **QUICK) as store,
        Attempt(Plan(postgres, 40, 500.0, holds=step)) as zombie,
    ):
        zombie.reaches(step)
        zombie.frozen()
        done = put(store, day(5), readings(day(5), 3, 7.0))
        assert (done.change, done.line.committed_token) == (Change.WRITTEN, 2)
        assert sessions(postgres, "ml/%/1") == []
        zombie.thawed()
        zombie.goes_on()
        assert zombie.outcome().error == "FencedError"
        assert values(store, day(5)) == [7.0, 8.0, 9.0]
        vouched(store, day(5))


def test_a_frozen_attempt_at_another_partition_is_left_alone(postgres: Place) -> None:
    with open_store(postgres.kind, postgres.location, **QUICK) as store:
        put(store, day(4), readings(day(4), 5))
        with Attempt(Plan(postgres, 40, 500.0, number=6, holds=LOADING)) as slow:
            slow.reaches(LOADING)
            slow.frozen()
            put(store, day(5), readings(day(5), 3, 7.0))
            slow.thawed()
            slow.goes_on()
            assert slow.outcome().change == "written"
        assert values(store, day(6)) == [500.0 + number for number in range(40)]


def test_an_older_attempt_never_ends_a_newer_one(postgres: Place) -> None:
    with open_store(postgres.kind, postgres.location, **IMPATIENT) as store:
        put(store, day(4), readings(day(4), 5))
        old = claim(store, day(5))
        with Attempt(Plan(postgres, 40, 500.0, holds=LOADING)) as newer:
            newer.reaches(LOADING)
            with pytest.raises(FencedError, match=r"token 2"):
                put(store, day(5), readings(day(5), 3, 7.0), claimed=old)
            newer.goes_on()
            assert newer.outcome().change == "written"
        assert values(store, day(5)) == [500.0 + number for number in range(40)]


def test_a_stranger_who_holds_the_line_is_named_and_left_alone(postgres: Place) -> None:
    with open_store(postgres.kind, postgres.location, **IMPATIENT) as store:
        put(store, day(5), readings(day(5), 5))
        mine = claim(store, day(5))
        with stranger(postgres, "UPDATE ml_partition SET token = token") as pid:
            for attempt in (
                lambda: put(store, day(5), readings(day(5), 3), claimed=mine),
                lambda: claim(store, day(5)),
            ):
                with pytest.raises(UnavailableError, match=rf"process {pid} \('psql'\)"):
                    attempt()
        assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert put(store, day(5), readings(day(5), 3), claimed=mine).change is Change.WRITTEN


@pytest.mark.parametrize("way", ["table", "rows"])
def test_a_stranger_who_holds_the_table_is_named_and_left_alone(postgres: Place, way: str) -> None:
    held = {
        "table": "LOCK TABLE lab.readings IN ACCESS EXCLUSIVE MODE",
        "rows": "UPDATE lab.readings SET value = value",
    }
    with open_store(postgres.kind, postgres.location, **IMPATIENT) as store:
        put(store, day(5), readings(day(5), 5))
        with (
            stranger(postgres, held[way]) as pid,
            pytest.raises(UnavailableError, match=rf"process {pid} \('psql'\)"),
        ):
            put(store, day(5), readings(day(5), 3))
        assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert put(store, day(5), readings(day(5), 3)).change is Change.WRITTEN


def test_who_waits_too_long_for_a_table_to_be_made_is_told_who_makes_it(postgres: Place) -> None:
    with (
        Attempt(Plan(postgres, 40, 500.0, holds=LOADING)) as maker,
        open_store(postgres.kind, postgres.location, **IMPATIENT) as store,
    ):
        maker.reaches(LOADING)
        with pytest.raises(UnavailableError, match=r"'ml/\w+/1'"):
            put(store, day(6), readings(day(6), 3))
        maker.goes_on()
        assert maker.outcome().change == "written"
        assert put(store, day(6), readings(day(6), 3)).change is Change.WRITTEN


MINE = attempt_name(READINGS, "k", 7)
CLAIM = attempt_name(READINGS, "k", None)


@pytest.mark.parametrize(
    ("theirs", "mine", "past"),
    [
        (attempt_name(READINGS, "k", 6), MINE, True),
        (MINE, MINE, True),
        (attempt_name(READINGS, "k", 8), MINE, False),
        (attempt_name(READINGS, "k", 10), MINE, False),
        (attempt_name(READINGS, "k", 6), CLAIM, True),
        (CLAIM, MINE, False),
        (CLAIM, CLAIM, False),
        (attempt_name(READINGS, "k2", 6), MINE, False),
        (attempt_name(TableName("lab", "reading"), "sk", 6), MINE, False),
        (attempt_name(TableName(None, "readings"), "k", 6), MINE, False),
        ("psql", MINE, False),
        ("", MINE, False),
        (f"{MINE} ", CLAIM, False),
        (MINE.replace("/7", "/-1"), CLAIM, False),
    ],
)
def test_only_a_past_attempt_at_the_same_partition_may_be_ended(
    theirs: str, mine: str, past: bool
) -> None:
    assert is_past(theirs, mine) is past


def test_the_name_of_an_attempt_fits_into_postgres() -> None:
    assert len(attempt_name(TableName("s" * 99, "t" * 99), "k" * 999, 2**62)) <= 63
