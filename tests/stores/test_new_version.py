"""Rows that outgrow their table: it is set aside whole, and a new version of it begins."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import (
    CheckFailedError,
    ConfigurationError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import TableName
from tests.stores.attempt import STEPS, Attempt, Plan
from tests.stores.conftest import ENGINES, LAKES, Place, in_threads, place_of, until
from tests.stores.doors import open_store
from tests.stores.made import made
from tests.stores.world import NOW, READINGS, claim, day, owned, put, readings, values, vouched

NEW = SchemaPolicy.NEW_VERSION
FIRST, SECOND = TableName("lab", "readings__v1"), TableName("lab", "readings__v2")
COLUMNS = ["ts", "sensor", "value"]
POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
MYSQL = pytest.param("mysql", marks=pytest.mark.mysql)


@pytest.fixture(params=["memory", "duckdb", "sqlite", POSTGRES])
def place(request: pytest.FixtureRequest) -> Place:
    """The stores that rename a table in the transaction that fills its successor."""
    return place_of(request)


@pytest.fixture(params=["duckdb", "sqlite", POSTGRES])
def lasting_place(request: pytest.FixtureRequest) -> Place:
    return place_of(request)


@pytest.fixture(params=[MYSQL, *ENGINES, *LAKES])
def other_place(request: pytest.FixtureRequest) -> Place:
    return place_of(request)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with open_store(place.kind, place.location) as opened:
        put(opened, day(4), readings(day(4), 2))
        put(opened, day(5), readings(day(5), 3))
        yield opened


def labelled(number: int, count: int = 3) -> pa.Table:
    """Return the readings of a day with a label in the place of the value."""
    rows = readings(day(number), count).drop_columns(["value"])
    return rows.append_column("label", pa.array(["warm"] * count, pa.string()))


def with_values(number: int, made_of: Any, kind: pa.DataType) -> pa.Table:
    rows = readings(day(number), len(made_of))
    return rows.set_column(2, "value", pa.array(made_of, kind))


def names(store: Store, table: TableName = READINGS) -> list[str]:
    return [column.name for column in store.columns(table)]


def labels(store: Store, number: int) -> list[Any]:
    rows = store.scan(READINGS, owned(day(number)), columns=["label"], order_by=["ts"])
    return rows.read_all().column("label").to_pylist()


def unchanged(store: Store) -> None:
    """Assert that there is one version, with the rows and lines of before."""
    assert names(store) == COLUMNS
    assert store.columns(FIRST) == ()
    assert (values(store, day(4)), values(store, day(5))) == ([1.0, 2.0], [1.0, 2.0, 3.0])
    for number in (4, 5):
        vouched(store, day(number))


def test_other_columns_begin_a_new_version_and_the_old_one_is_kept_whole(store: Store) -> None:
    before = {number: store.ledger.line(READINGS, day(number).key) for number in (4, 5)}
    done = put(store, day(5), labelled(5), schema=NEW)
    assert done.change is Change.WRITTEN
    assert done.reason == (
        "3 rows of a new version, the one of before is lab.readings__v1: column 'value' is "
        "missing; column 'label' is unknown"
    )
    assert (names(store), names(store, FIRST)) == (["ts", "sensor", "label"], COLUMNS)
    assert labels(store, 5) == ["warm"] * 3
    vouched(store, day(5))
    for number, line in before.items():
        kept = store.ledger.line(FIRST, day(number).key)
        assert line is not None
        assert kept is not None
        assert (kept.rows, kept.content_hash) == (line.rows, line.content_hash)
        assert (kept.committed_token, kept.recipe) == (line.committed_token, line.recipe)
        vouched(store, day(number), table=FIRST)


def test_partitions_of_before_are_missing_in_the_new_version_and_tokens_go_on(
    store: Store,
) -> None:
    put(store, day(5), labelled(5), schema=NEW)
    assert store.ledger.lines(READINGS) == [store.ledger.line(READINGS, day(5).key)]
    line = store.ledger.line(READINGS, day(4).key)
    assert line is not None
    assert not line.committed
    assert (line.token, line.rows, line.recipe) == (1, None, None)
    done = put(store, day(4), labelled(4, 2), schema=NEW)
    assert (done.change, done.line.token) == (Change.WRITTEN, 2)
    assert names(store, SECOND) == []


@pytest.mark.parametrize(
    ("made_of", "kind"),
    [
        (["a", "b"], pa.string()),
        ([True, False], pa.bool_()),
        ([[1.0], [2.0]], pa.list_(pa.float64())),
    ],
)
def test_another_kind_of_values_begins_a_new_version_too(
    place: Place, store: Store, made_of: Any, kind: pa.DataType
) -> None:
    done = put(store, day(5), with_values(5, made_of, kind), schema=NEW)
    assert "column 'value' holds" in done.reason
    assert values(store, day(5)) == made_of
    assert store.scan(FIRST, owned(day(5))).read_all().num_rows == 3
    vouched(store, day(5))


@pytest.mark.parametrize(
    ("made_of", "kind"),
    [([7, 8], pa.int64()), ([7.0, 8.0], pa.float32()), ([None, None], pa.null())],
)
def test_numbers_of_another_width_and_nothing_at_all_are_no_change(
    store: Store, made_of: Any, kind: pa.DataType
) -> None:
    put(store, day(5), with_values(5, made_of, kind), schema=NEW)
    assert names(store, FIRST) == []
    assert values(store, day(5)) == made_of


def test_the_same_columns_in_another_order_are_no_change(store: Store) -> None:
    rows = readings(day(5), 3)
    done = put(store, day(5), rows.select(["value", "ts", "sensor"]), schema=NEW)
    assert done.change is Change.UNCHANGED
    unchanged(store)


def test_an_old_task_that_runs_again_does_not_bring_the_past_back(store: Store) -> None:
    put(store, day(5), labelled(5), schema=NEW)
    with pytest.raises(SchemaMismatchError, match=r"columns of lab\.readings__v1, an earlier"):
        put(store, day(4), readings(day(4), 2), schema=NEW)
    assert labels(store, 5) == ["warm"] * 3
    assert names(store, SECOND) == []


def test_versions_are_counted(store: Store) -> None:
    put(store, day(5), labelled(5), schema=NEW)
    units = labelled(5).append_column("unit", pa.array(["K"] * 3, pa.string()))
    put(store, day(5), units, schema=NEW)
    assert names(store) == ["ts", "sensor", "label", "unit"]
    assert (names(store, FIRST), names(store, SECOND)) == (COLUMNS, ["ts", "sensor", "label"])
    for table in (READINGS, FIRST, SECOND):
        vouched(store, day(5), table=table)


def test_a_write_that_fails_its_checks_sets_nothing_aside(store: Store) -> None:
    with pytest.raises(CheckFailedError):
        put(store, day(5), labelled(5), schema=NEW, expectations=Expectations(rows_min=9))
    unchanged(store)


def test_a_producer_that_breaks_off_sets_nothing_aside(store: Store) -> None:
    rows = labelled(5)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from rows.to_batches()
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        put(store, day(5), pa.RecordBatchReader.from_batches(rows.schema, batches()), schema=NEW)
    unchanged(store)


def test_a_select_may_bring_a_new_version(lasting_place: Place) -> None:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(4), readings(day(4), 2))
        plain = made(lasting_place.kind, 2, 7.0)
        wider = Query(
            f"SELECT made_rows.*, 'K' AS unit FROM ({plain.sql}) AS made_rows", plain.values
        )
        for _ in range(2):
            put(store, day(5), wider, schema=NEW)
        assert (names(store), names(store, FIRST)) == ([*COLUMNS, "unit"], COLUMNS)
        assert names(store, SECOND) == []
        vouched(store, day(5))
        vouched(store, day(4), table=FIRST)


def test_a_table_that_the_ledger_knows_nothing_of_keeps_its_name(lasting_place: Place) -> None:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(5), readings(day(5), 3))
        store.session.execute("DELETE FROM ml_partition")
        with pytest.raises(SchemaMismatchError, match="'label' is unknown"):
            put(store, day(5), labelled(5), schema=NEW)
        assert names(store) == COLUMNS


def test_writers_of_a_new_version_at_once_make_one(place: Place, store: Store) -> None:
    if place.kind == "duckdb":
        store.release()

    def write(own: Store, racer: int) -> Change:
        return put(own, day(4 + racer), labelled(4 + racer), schema=NEW).change

    assert in_threads(place, store, write) == [Change.WRITTEN] * 4
    assert (names(store), names(store, FIRST)) == (["ts", "sensor", "label"], COLUMNS)
    assert names(store, SECOND) == []
    for number in (4, 5, 6, 7):
        vouched(store, day(number))
    for number in (4, 5):
        vouched(store, day(number), table=FIRST)


@pytest.mark.postgres
def test_who_looks_while_another_begins_the_version_goes_on_in_it(postgres: Place) -> None:
    """On PostgreSQL each statement sees what was committed before it."""

    def late() -> Change:
        rows = readings(day(6), 3).rename_columns(["ts", "sensor", "other"])
        with open_store(postgres.kind, postgres.location) as own:
            return put(own, day(6), rows, schema=NEW).change

    with open_store(postgres.kind, postgres.location) as store, ThreadPoolExecutor(1) as pool:
        put(store, day(5), readings(day(5), 3))
        with Attempt(Plan(postgres, 3, 1.0, way="other", holds="noted")) as first:
            first.reaches("noted")
            waiting = pool.submit(late)
            until(postgres, "wait_event_type = 'Lock'")
            first.goes_on()
            assert first.outcome().change == "written"
            assert waiting.result(60) is Change.WRITTEN
        assert names(store) == ["ts", "sensor", "other"]
        assert (names(store, FIRST), names(store, SECOND)) == (COLUMNS, [])


def test_who_was_in_the_middle_of_the_old_version_ends_in_one_of_the_two(
    place: Place, store: Store
) -> None:
    """A writer of the old columns is before the new version, whole, or is refused."""
    if place.kind == "duckdb":
        store.release()

    def write(own: Store, racer: int) -> str:
        rows = labelled(5) if racer == 0 else readings(day(5 + racer), 4)
        try:
            return put(own, day(5 + racer), rows, schema=NEW).change.value
        except (SchemaMismatchError, UnavailableError):
            return "refused"

    ends = in_threads(place, store, write)
    assert ends[0] == "written"
    vouched(store, day(5))
    for racer, end in enumerate(ends[1:], start=1):
        line = store.ledger.line(FIRST, day(5 + racer).key)
        assert (line is not None) == (end == "written")
        if line is not None:
            vouched(store, day(5 + racer), table=FIRST)


@pytest.mark.parametrize(
    "step",
    [pytest.param(step, marks=() if step == "noted" else pytest.mark.faults) for step in STEPS],
)
def test_who_dies_while_he_sets_a_table_aside_leaves_one_version_or_two(
    lasting_place: Place, step: str
) -> None:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(4), readings(day(4), 2))
        put(store, day(5), readings(day(5), 3))
    with Attempt(Plan(lasting_place, 3, 7.0, way="other", dies=step)) as attempt:
        attempt.dies()
    with open_store(lasting_place.kind, lasting_place.location) as store:
        if step == "committed":
            vouched(store, day(4), table=FIRST)
            vouched(store, day(5), table=FIRST)
        else:
            unchanged(store)
        put(
            store,
            day(5),
            readings(day(5), 3).rename_columns(["ts", "sensor", "other"]),
            schema=NEW,
        )
        assert (names(store), names(store, FIRST)) == (["ts", "sensor", "other"], COLUMNS)
        assert names(store, SECOND) == []
        vouched(store, day(5))


def test_a_store_that_cannot_rename_so_says_what_to_do(other_place: Place) -> None:
    with open_store(other_place.kind, other_place.location) as store:
        assert not store.capabilities.new_versions
        mine = claim(store, day(5))
        with pytest.raises(ConfigurationError, match="'schema: new_version' is not offered by"):
            put(store, day(5), readings(day(5), 3), claimed=mine, schema=NEW)
        assert store.columns(READINGS) == ()
        assert put(store, day(5), readings(day(5), 3), claimed=mine, at=NOW).line.rows == 3
