"""A frozen attempt on every store: the next one passes it or is told who it is, and wins."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.stores.open import open_store
from tests.stores.attempt import LOADING, RELEASED, Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.world import day, put, readings, values, vouched

# Who waits for the lock of a process that does not move shall give up soon.
IMPATIENT: dict[str, dict[str, Any]] = {
    "duckdb": {"lock_wait": 0.5},
    "mysql": {"takeover_after": 0.1},
    "postgres": {"takeover_after": 0.1},
    "sqlite": {"lock_wait": 0.5},
}

# Engines with one writer: while it is in the middle of its write, nobody passes it.
ONE_WRITER = ("duckdb", "sqlite")


@pytest.mark.parametrize(
    "step", [RELEASED, LOADING, pytest.param("noted", marks=pytest.mark.faults)]
)
def test_a_frozen_attempt_never_wins_over_the_next(lasting_place: Place, step: str) -> None:
    place = lasting_place
    with open_store(place.kind, place.location) as store:
        put(store, day(5), readings(day(5), 5))
    with Attempt(Plan(place, 40, 500.0, holds=step)) as zombie:
        zombie.reaches(step)
        zombie.frozen()
        passed = next_attempt(place, zombie.pid)
        zombie.thawed()
        zombie.goes_on()
        outcome = zombie.outcome()
    assert passed == (step == RELEASED or place.kind not in ONE_WRITER)
    if not passed:
        assert outcome.change == "written"
        assert next_attempt(place, zombie.pid)
    else:
        assert outcome.error == "FencedError"
    with open_store(place.kind, place.location) as store:
        assert values(store, day(5)) == [7.0, 8.0, 9.0]
        vouched(store, day(5))


def next_attempt(place: Place, zombie: int) -> bool:
    """Write the day; False when the zombie was in the way and was named."""
    said = ""
    with open_store(place.kind, place.location, **IMPATIENT.get(place.kind, {})) as store:
        try:
            put(store, day(5), readings(day(5), 3, 7.0))
        except UnavailableError as error:
            said = str(error)
    assert not said or f"process {zombie} (" in said
    return not said
