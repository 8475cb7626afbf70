"""Writers killed at any moment, one by one and in a storm: what is left is old or new, whole."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack

import pytest

from airflow_ml_provider.domain.ports import Store
from tests.stores.actor import Actor
from tests.stores.attempt import Attempt, Outcome, Plan
from tests.stores.conftest import Place
from tests.stores.doors import open_store
from tests.stores.world import READINGS, day, put, readings, values, vouched

pytestmark = pytest.mark.faults

ROUNDS = 30
COUNT = 5_000


def neighbours(store: Store) -> list[str]:
    return [store.version(READINGS, "ts", day(number)) for number in (4, 6)]


def prepared(place: Place) -> list[str]:
    """Write the day before and the day after, and return their fingerprints."""
    with open_store(place.kind, place.location) as store:
        for number in (4, 5, 6):
            put(store, day(number), readings(day(number), 30))
        return neighbours(store)


@pytest.mark.parametrize("way", ["arrow", "sql"])
@pytest.mark.parametrize("after", ["claimed", "noted"])
def test_a_writer_that_is_killed_at_any_moment_leaves_one_of_two_partitions(
    lasting_place: Place, way: str, after: str
) -> None:
    drawn = random.Random(f"{way} {after}")  # noqa: S311  to be repeated, not to be secret
    before = prepared(lasting_place)
    with open_store(lasting_place.kind, lasting_place.location) as store:
        kept = values(store, day(5))
    # A commit is over in a few milliseconds, all of a write in a few tenths of a second.
    longest = 0.4 if after == "claimed" else 0.02
    ends = {"old": 0, "new": 0}
    for number in range(ROUNDS):
        new = [1000.0 * (number + 1) + row for row in range(COUNT)]
        with Attempt(Plan(lasting_place, COUNT, new[0], way=way)) as attempt:
            attempt.reaches(after)
            time.sleep(longest * drawn.random() ** 3)
            attempt.killed()
            end = ending(attempt)
            assert end is None or end.error is None, end
        with open_store(lasting_place.kind, lasting_place.location) as store:
            found = values(store, day(5))
            assert found in (kept, new)
            ends["new" if found == new else "old"] += 1
            kept = found
            vouched(store, day(5))
            assert neighbours(store) == before
    print(f"{lasting_place.kind}, {way}, killed after {after}: {ends}")


@pytest.mark.parametrize("seed", range(10))
def test_a_storm_of_writers_of_whom_some_are_killed_leaves_the_rows_of_one(
    lasting_place: Place, seed: int
) -> None:
    drawn = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
    before = prepared(lasting_place)
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                Attempt(Plan(lasting_place, 100 + racer, 1000.0 * (racer + 1), way=way))
            )
            for racer in range(8)
            for way in [drawn.choice(["arrow", "sql"])]
        ]
        for racer in drawn.sample(range(8), 3):
            time.sleep(drawn.uniform(0, 0.2))
            racers[racer].killed()
        outcomes = [ending(racer) for racer in racers]
    assert {outcome.error for outcome in outcomes if outcome} <= {None, "FencedError"}
    possible = [[1000.0 * (racer + 1) + row for row in range(100 + racer)] for racer in range(8)]
    with open_store(lasting_place.kind, lasting_place.location) as store:
        line = store.ledger.line(READINGS, day(5).key)
        assert line is not None
        successes = {o.token: number for number, o in enumerate(outcomes) if o and not o.error}
        if line.committed_token in successes:
            assert values(store, day(5)) == possible[successes[line.committed_token]]
        else:  # the last who committed was killed before it could say so
            assert values(store, day(5)) in [[1.0 + row for row in range(30)], *possible]
        vouched(store, day(5))
        assert neighbours(store) == before
        put(store, day(5), readings(day(5), 3))
        assert values(store, day(5)) == [1.0, 2.0, 3.0]


def ending(actor: Actor) -> Outcome | None:
    """Return the outcome of a process that told one before its end."""
    try:
        while not isinstance(heard := actor.says(), Outcome):
            pass
    except EOFError:
        return None
    return heard


def test_eight_processes_fill_a_new_table_with_twenty_four_partitions(
    lasting_place: Place,
) -> None:
    for first in (1, 9, 17):
        with ExitStack() as stack:
            writers = [
                stack.enter_context(
                    Attempt(Plan(lasting_place, 2_000, float(number), number=number))
                )
                for number in range(first, first + 8)
            ]
            assert {writer.outcome().change for writer in writers} == {"written"}
    with open_store(lasting_place.kind, lasting_place.location) as store:
        assert len(store.ledger.lines(READINGS)) == 24
        for number in range(1, 25):
            assert values(store, day(number)) == [float(number) + row for row in range(2_000)]
            vouched(store, day(number))
