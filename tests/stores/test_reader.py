"""Who reads while a partition is exchanged sees the old one or the new one, never some of both."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from airflow_ml_provider.domain.ports import Query, Store
from tests.stores.conftest import Place
from tests.stores.doors import open_store
from tests.stores.made import made
from tests.stores.world import READINGS, day, put, readings, values, vouched

OLD = [1.0 + number for number in range(40)]
NEW = [500.0 + number for number in range(60)]
SUMMARY = Query(
    'SELECT count(*) AS "rows", min(value) AS low, max(value) AS high FROM lab.readings'
)


def summary(store: Store) -> list[float]:
    (row,) = store.query(SUMMARY).read_all().to_pylist()
    return [row["rows"], row["low"], row["high"]]


@pytest.mark.parametrize("way", ["arrow", "sql"])
def test_a_reader_sees_the_old_partition_until_the_commit(
    place: Place, store: Store, way: str
) -> None:
    seen: dict[str, list[float]] = {}
    shared = place.kind == "memory"

    def look(step: str) -> None:
        seen[step] = values(store, day(5))
        assert summary(store) == [len(seen[step]), seen[step][0], seen[step][-1]]

    put(store, day(5), readings(day(5), len(OLD)))
    with ExitStack() as stack:
        writer = open_store(place.kind, place.location, on_step=look)
        if shared:
            writer = store
            store._on_step = look  # type: ignore[attr-defined]
        stack.enter_context(writer)
        rows = readings(day(5), len(NEW), NEW[0])
        put(writer, day(5), rows if way == "arrow" else made(place.kind, len(NEW), NEW[0]))
    assert len(seen) > 4
    assert seen.pop("committed") == NEW
    assert set(map(tuple, seen.values())) == {tuple(OLD)}


def test_a_stream_that_was_begun_before_a_commit_stays_with_the_old_partition(
    store: Store,
) -> None:
    put(store, day(5), readings(day(5), 80_000))
    stream = store.scan(READINGS, columns=["value"])
    first = stream.read_next_batch().num_rows
    assert first < 80_000 or "memory" in store.address
    put(store, day(5), readings(day(5), 3, -1.0))
    assert first + stream.read_all().num_rows == 80_000
    assert values(store, day(5)) == [-1.0, 0.0, 1.0]


@pytest.mark.parametrize("rounds", [10, pytest.param(60, marks=pytest.mark.faults)])
def test_a_reader_never_sees_a_mixed_partition(
    lasting_place: Place, lasting: Store, rounds: int
) -> None:
    states = [[len(numbers), numbers[0], numbers[-1]] for numbers in (OLD, NEW)]
    over = threading.Event()

    def read() -> list[list[float]]:
        seen = []
        with open_store(lasting_place.kind, lasting_place.location) as reader:
            while not over.is_set():
                seen.append(summary(reader))
                numbers = values(reader, day(5))
                seen.append([len(numbers), numbers[0], numbers[-1]])
        return seen

    put(lasting, day(5), readings(day(5), len(OLD)))
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for number in range(rounds):
            numbers = (NEW, OLD)[number % 2]
            put(lasting, day(5), readings(day(5), len(numbers), numbers[0]))
        over.set()
        seen = [look for reader in readers for look in reader.result()]
    assert seen
    assert [look for look in seen if look not in states] == []
    vouched(lasting, day(5))
