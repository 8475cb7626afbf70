"""Several writers at once: of one partition the newest claim wins, two partitions never meet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import FencedError
from airflow_ml_provider.domain.ports import Store
from tests.stores.attempt import LOADING, RELEASED, Attempt, Outcome, Plan
from tests.stores.conftest import Place, in_threads, until
from tests.stores.doors import open_store
from tests.stores.world import READINGS, claim, day, put, readings, values, vouched


def plan(place: Place, racer: int, **more: object) -> Plan:
    """Return a plan whose rows nobody else writes: ``racer + 1`` of them, by the hundred."""
    return Plan(place, racer + 1, 100.0 * racer, **more)  # type: ignore[arg-type]


def rows_of(racer: int) -> list[float]:
    return [100.0 * racer + number for number in range(racer + 1)]


def settled(place: Place, outcomes: list[Outcome]) -> None:
    """Assert that the newest claim has won, alone, and that nobody ended in another way."""
    assert [o for o in outcomes if o.error not in {None, "FencedError"}] == []
    winner = max(range(len(outcomes)), key=lambda racer: outcomes[racer].token or 0)
    with open_store(place.kind, place.location) as store:
        line = store.ledger.line(READINGS, day(5).key)
        assert line is not None
        assert line.token == line.committed_token == outcomes[winner].token == len(outcomes)
        assert values(store, day(5)) == rows_of(winner)
        vouched(store, day(5))


@pytest.mark.parametrize("racers", [4, pytest.param(8, marks=pytest.mark.faults)])
def test_processes_that_write_one_partition_at_once_leave_the_rows_of_one(
    lasting_place: Place, racers: int
) -> None:
    with ExitStack() as stack:
        attempts = [
            stack.enter_context(Attempt(plan(lasting_place, racer))) for racer in range(racers)
        ]
        outcomes = [attempt.outcome() for attempt in attempts]
    settled(lasting_place, outcomes)


@pytest.mark.parametrize("racers", [4, pytest.param(8, marks=pytest.mark.faults)])
def test_of_processes_that_have_claimed_all_but_the_newest_are_fenced(
    lasting_place: Place, racers: int
) -> None:
    with ExitStack() as stack:
        attempts = []
        for racer in range(racers):
            attempt = Attempt(plan(lasting_place, racer, holds=RELEASED))
            attempts.append(stack.enter_context(attempt))
            attempt.reaches(RELEASED)
        for attempt in attempts:
            attempt.goes_on()
        outcomes = [attempt.outcome() for attempt in attempts]
    assert [outcome.error for outcome in outcomes] == ["FencedError"] * (racers - 1) + [None]
    settled(lasting_place, outcomes)


def test_threads_that_write_one_partition_at_once_leave_the_rows_of_one(
    place: Place, store: Store
) -> None:
    def write(own: Store, racer: int) -> str:
        mine = claim(own, day(5))
        try:
            put(own, day(5), readings(day(5), racer + 1, 100.0 * racer), claimed=mine)
        except FencedError:
            return "fenced"
        return "written"

    put(store, day(5), readings(day(5), 20))
    assert "written" in in_threads(place, store, write)
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert line.token == line.committed_token == 5
    assert values(store, day(5)) in [rows_of(racer) for racer in range(4)]
    vouched(store, day(5))


def test_threads_that_make_one_table_at_once_all_write_their_partition(
    place: Place, store: Store
) -> None:
    def write(own: Store, racer: int) -> str:
        put(own, day(racer + 1), readings(day(racer + 1), racer + 1, 100.0 * racer))
        return "written"

    assert in_threads(place, store, write) == ["written"] * 4
    for racer in range(4):
        assert values(store, day(racer + 1)) == rows_of(racer)
        vouched(store, day(racer + 1))


class Held:
    """Rows that stop in the middle until they are let go."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        self.half_way, self.may_go_on = threading.Event(), threading.Event()

    def stream(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._rows.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        first, *rest = self._rows.to_batches(max_chunksize=-(-self._rows.num_rows // 2))
        yield first
        self.half_way.set()
        assert self.may_go_on.wait(60)
        yield from rest


def test_another_partition_is_written_while_one_is_in_the_middle_of_its_load(
    place: Place, store: Store
) -> None:
    if not store.capabilities.row_lock:
        pytest.skip("This store has one writer at a time.")
    put(store, day(5), readings(day(5), 20))
    held = Held(readings(day(5), 40, 500.0))

    def slow() -> None:
        with ExitStack() as stack:
            own = open_store(place.kind, place.location)
            mine = store if place.kind == "memory" else stack.enter_context(own)
            put(mine, day(5), held.stream())

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(slow)
        assert held.half_way.wait(60)
        put(store, day(6), readings(day(6), 3, 7.0))
        assert values(store, day(6)) == [7.0, 8.0, 9.0]
        assert values(store, day(5)) == [1.0 + number for number in range(20)]
        held.may_go_on.set()
        writing.result(60)
    assert values(store, day(5)) == [500.0 + number for number in range(40)]
    assert values(store, day(6)) == [7.0, 8.0, 9.0]


@pytest.mark.postgres
def test_processes_write_two_partitions_at_once_without_waiting(postgres: Place) -> None:
    with open_store(postgres.kind, postgres.location) as store:
        put(store, day(5), readings(day(5), 20))
        with Attempt(Plan(postgres, 40, 500.0, holds=LOADING)) as slow:
            slow.reaches(LOADING)
            for way in ("arrow", "sql"):
                with Attempt(Plan(postgres, 3, 7.0, number=6, way=way)) as other:
                    assert other.outcome().error is None
            assert values(store, day(6)) == [7.0, 8.0, 9.0]
            slow.goes_on()
            assert slow.outcome().change == "written"
        assert values(store, day(5)) == [500.0 + number for number in range(40)]


@pytest.mark.postgres
def test_who_comes_while_a_table_is_made_waits_for_it(postgres: Place) -> None:
    with (
        Attempt(Plan(postgres, 40, 500.0, holds=LOADING)) as maker,
        ExitStack() as later,
    ):
        maker.reaches(LOADING)
        other = later.enter_context(Attempt(Plan(postgres, 3, 7.0, number=6)))
        until(postgres, "wait_event_type = 'Lock'")
        maker.goes_on()
        assert [maker.outcome().change, other.outcome().change] == ["written", "written"]
    with open_store(postgres.kind, postgres.location) as store:
        assert values(store, day(5)) == [500.0 + number for number in range(40)]
        assert values(store, day(6)) == [7.0, 8.0, 9.0]
