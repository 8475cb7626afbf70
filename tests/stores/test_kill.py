"""A write that is killed with SIGKILL, step by step: what readers and the next try find."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ml_provider.domain.ledger import Change, Materialization
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.open import LAKES, open_store
from tests.stores.attempt import LOADING, STEPS, Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.made import made
from tests.stores.world import READINGS, day, owned, put, readings, values, vouched

COUNT, VALUE = 60, 500.0
OLD = [1.0 + number for number in range(40)]
NEW = [VALUE + number for number in range(COUNT)]


# After these nothing has changed since the step before.
QUIET = ("begun", "audited")


def steps(short: str, long: str) -> list[Any]:
    """
    Return every step with each way of writing.

    The way ``long`` and the steps that change nothing are left to the fault runs.
    """
    return [
        pytest.param(step, way, marks=pytest.mark.faults if way == long or step in QUIET else ())
        for way in (short, long)
        for step in (*STEPS, *([LOADING] if way == "arrow" else []))
    ]


def kill(place: Place, step: str, way: str) -> None:
    if step == "deleted" and place.kind in LAKES:
        pytest.skip("a lake deletes and loads in one commit")
    with Attempt(Plan(place, COUNT, VALUE, way=way, dies=step)) as attempt:
        attempt.dies()


def try_again(store: Store, kind: str, way: str) -> Materialization:
    rows = readings(day(5), COUNT, VALUE) if way == "arrow" else made(kind, COUNT, VALUE)
    return put(store, day(5), rows)


@pytest.mark.parametrize(("step", "way"), steps("arrow", "sql"))
def test_a_partition_survives_the_death_of_its_writer_whole(
    lasting_place: Place, step: str, way: str
) -> None:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(5), readings(day(5), len(OLD)))
        put(store, day(4), readings(day(4), 20))
        put(store, day(6), readings(day(6), 30))
        neighbours = [store.version(READINGS, "ts", day(number)) for number in (4, 6)]

    kill(lasting_place, step, way)

    with open_store(lasting_place.kind, lasting_place.location) as store:
        survived = step == "committed"
        assert values(store, day(5)) == (NEW if survived else OLD)
        vouched(store, day(5))
        again = try_again(store, lasting_place.kind, way)
        assert again.change is (Change.UNCHANGED if survived else Change.WRITTEN)
        assert again.line.committed_token == 3
        assert values(store, day(5)) == NEW
        vouched(store, day(5))
        assert [store.version(READINGS, "ts", day(number)) for number in (4, 6)] == neighbours


@pytest.mark.parametrize(("step", "way"), steps("sql", "arrow"))
def test_a_table_whose_first_writer_dies_is_not_there_or_whole(
    lasting_place: Place, step: str, way: str
) -> None:
    kill(lasting_place, step, way)

    with open_store(lasting_place.kind, lasting_place.location) as store:
        line = store.ledger.line(READINGS, day(5).key)
        assert line is not None
        if step == "committed":
            assert values(store, day(5)) == NEW
            vouched(store, day(5))
        else:
            if store.capabilities.ddl_in_transaction:
                assert store.columns(READINGS) == ()
            assert not store.count(READINGS, owned(day(5)))
            assert not line.committed
        try_again(store, lasting_place.kind, way)
        assert values(store, day(5)) == NEW
        vouched(store, day(5))
