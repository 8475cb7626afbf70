"""Columns that a table gains on the way: what old partitions, readers and other writers see."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import CheckFailedError, SchemaMismatchError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.stores.open import LAKES, open_store
from tests.stores.attempt import STEPS, Attempt, Plan
from tests.stores.conftest import Place, in_threads
from tests.stores.made import made
from tests.stores.world import READINGS, claim, day, owned, put, readings, values, vouched

ADD = SchemaPolicy.ADD_COLUMNS
COLUMNS = ["ts", "sensor", "value"]


def wider(number: int, count: int = 3, unit: str | None = "K", name: str = "unit") -> pa.Table:
    """Return the readings of a day with a column more."""
    rows = readings(day(number), count)
    return rows.append_column(name, pa.array([unit] * count, pa.string()))


def names(store: Store) -> list[str]:
    return [column.name for column in store.columns(READINGS)]


def unwidened(store: Store) -> bool:
    """Whether no column was added, or one that cannot be taken back any more stayed empty."""
    kept = not store.capabilities.ddl_in_transaction
    return names(store) == COLUMNS or (kept and set(units(store, 4) + units(store, 5)) <= {None})


def units(store: Store, number: int) -> list[Any]:
    rows = store.scan(READINGS, owned(day(number)), columns=["unit"], order_by=["ts"])
    return rows.read_all().column("unit").to_pylist()


def test_a_new_column_is_refused_by_name_unless_it_is_asked_for(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    with pytest.raises(SchemaMismatchError, match=r"'unit' is unknown.*schema: add_columns"):
        put(store, day(5), wider(5))
    assert names(store) == COLUMNS


def test_a_new_column_is_added_and_empty_in_the_partitions_of_before(store: Store) -> None:
    put(store, day(4), readings(day(4), 2))
    put(store, day(5), readings(day(5), 3))
    done = put(store, day(5), wider(5), schema=ADD)
    assert done.change is Change.WRITTEN
    assert names(store) == [*COLUMNS, "unit"]
    assert (units(store, 4), units(store, 5)) == ([None, None], ["K", "K", "K"])
    vouched(store, day(5))


def test_partitions_of_before_do_not_look_restated(store: Store) -> None:
    before = put(store, day(4), readings(day(4), 2)).line
    version = store.version(READINGS, "ts", day(4))
    put(store, day(5), wider(5), schema=ADD)
    assert store.ledger.line(READINGS, day(4).key) == before
    assert store.version(READINGS, "ts", day(4)) == version
    again = put(store, day(4), wider(4, 2, unit=None), schema=ADD)
    assert again.change is Change.UNCHANGED
    assert again.line.content_hash == before.content_hash
    vouched(store, day(4))


def test_a_value_in_the_new_column_is_a_change_and_so_is_its_going(store: Store) -> None:
    put(store, day(4), readings(day(4), 2))
    put(store, day(5), wider(5), schema=ADD)
    version = store.version(READINGS, "ts", day(4))
    filled = put(store, day(4), wider(4, 2), schema=ADD)
    assert filled.change is Change.WRITTEN
    assert store.version(READINGS, "ts", day(4)) not in {version, None}
    vouched(store, day(4))
    assert put(store, day(4), wider(4, 2), schema=ADD).change is Change.UNCHANGED
    assert put(store, day(4), wider(4, 2, unit=None), schema=ADD).change is Change.WRITTEN
    assert units(store, 4) == [None, None]


def test_a_table_gains_columns_again_and_again(store: Store) -> None:
    first = put(store, day(3), readings(day(3), 2)).line
    put(store, day(4), wider(4), schema=ADD)
    second = store.ledger.line(READINGS, day(4).key)
    both = wider(5).append_column("quality", pa.array([1, 2, 3], pa.int64()))
    put(store, day(5), both, schema=ADD)
    assert names(store) == [*COLUMNS, "unit", "quality"]
    assert store.ledger.line(READINGS, day(3).key) == first
    assert store.ledger.line(READINGS, day(4).key) == second
    for number in (3, 4, 5):
        vouched(store, day(number))


@pytest.mark.parametrize("lost", ["sensor", pytest.param("value", marks=pytest.mark.faults)])
def test_a_column_that_the_rows_lack_is_refused_even_so(store: Store, lost: str) -> None:
    put(store, day(5), readings(day(5), 3))
    with pytest.raises(SchemaMismatchError, match=f"{lost!r} is missing"):
        put(store, day(5), wider(5).drop_columns([lost]), schema=ADD)
    assert names(store) == COLUMNS
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_a_changed_type_is_refused_even_so(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    words = pa.array(["a", "b", "c"], pa.string())
    rows = wider(5).set_column(2, "value", words)
    with pytest.raises(SchemaMismatchError):
        put(store, day(5), rows, schema=ADD)
    assert unwidened(store)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_a_write_that_fails_its_checks_adds_no_column(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    with pytest.raises(CheckFailedError):
        put(store, day(5), wider(5), schema=ADD, expectations=Expectations(rows_min=9))
    assert unwidened(store)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    vouched(store, day(5))


def test_a_select_may_bring_a_new_column(lasting_place: Place, lasting: Store) -> None:
    put(lasting, day(5), readings(day(5), 3))
    plain = made(lasting_place.kind, 2, 7.0)
    rows = Query(f"SELECT made_rows.*, 'K' AS unit FROM ({plain.sql}) AS made_rows", plain.values)
    put(lasting, day(5), rows, schema=ADD)
    assert names(lasting) == [*COLUMNS, "unit"]
    assert units(lasting, 5) == ["K", "K"]
    vouched(lasting, day(5))


def test_a_writer_of_the_old_columns_is_refused_and_says_which_is_missing(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    mine = claim(store, day(4))
    put(store, day(5), wider(5), schema=ADD)
    with pytest.raises(SchemaMismatchError, match="'unit' is missing"):
        put(store, day(4), readings(day(4), 2), claimed=mine, schema=ADD)


def test_writers_that_add_columns_at_once_leave_each_of_them_once(
    place: Place, store: Store
) -> None:
    put(store, day(9), readings(day(9), 3))
    if place.kind == "duckdb":
        store.release()

    def write(own: Store, racer: int) -> Change:
        return put(own, day(1 + racer), wider(1 + racer), schema=ADD).change

    assert in_threads(place, store, write) == [Change.WRITTEN] * 4
    assert names(store) == [*COLUMNS, "unit"]
    for number in (1, 2, 3, 4, 9):
        vouched(store, day(number))
    assert [units(store, number) for number in (1, 4, 9)] == [["K"] * 3, ["K"] * 3, [None] * 3]


def test_a_reader_that_has_begun_reads_on_while_a_column_comes(
    lasting_place: Place, lasting: Store
) -> None:
    put(lasting, day(5), readings(day(5), 3))
    reading = lasting.scan(READINGS, owned(day(5)), order_by=["ts"])
    assert reading.read_all().column("value").to_pylist() == [1.0, 2.0, 3.0]
    with open_store(lasting_place.kind, lasting_place.location) as other:
        put(other, day(5), wider(5, 2), schema=ADD)
        assert values(lasting, day(5)) == [1.0, 2.0]
    assert lasting.query(Query("SELECT count(*) FROM lab.readings")).read_all()[0].to_pylist() == [
        2
    ]


@pytest.mark.parametrize(
    "step",
    [pytest.param(step, marks=() if step == "noted" else pytest.mark.faults) for step in STEPS],
)
def test_who_dies_while_he_adds_a_column_leaves_the_table_as_it_was(
    lasting_place: Place, step: str
) -> None:
    if step == "deleted" and lasting_place.kind in LAKES:
        pytest.skip("a lake deletes and loads in one commit")
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(4), readings(day(4), 2))
    with Attempt(Plan(lasting_place, 3, 7.0, way="wider", dies=step)) as attempt:
        attempt.dies()
    with open_store(lasting_place.kind, lasting_place.location) as store:
        assert unwidened(store) if step != "committed" else "unit" in names(store)
        vouched(store, day(4))
        put(store, day(5), wider(5), schema=ADD)
        assert names(store) == [*COLUMNS, "unit"]
        for number in (4, 5):
            vouched(store, day(number))
