"""Reading tables: scans, counts, probes, fingerprints, and what is deleted from staging."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import MLProviderError, QueryError, TableMissingError
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.readiness import SourceFacts
from airflow_ml_provider.domain.table import KeySlice, TableName
from tests.stores.conftest import Place
from tests.stores.doors import engine_of
from tests.stores.world import READINGS, day, owned, put, readings, values

NOWHERE = TableName("lab", "nowhere")
LOOSE = TableName(None, "loose")


def loose(store: Store, columns: dict[str, object]) -> None:
    """Write rows to a table without a time, as datasets and staging are."""
    rows = pa.table({"part": ["p"] * len(next(iter(columns.values()))), **columns})  # type: ignore[call-overload, arg-type]
    put(store, day(5), rows, table=LOOSE, piece=KeySlice("part", "p"))


def test_a_scan_gives_the_columns_that_are_asked_for_in_that_order(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    assert store.scan(READINGS).schema.names == ["ts", "sensor", "value"]
    rows = store.scan(READINGS, columns=["value", "ts"]).read_all()
    assert rows.schema.names == ["value", "ts"]
    assert rows.num_rows == 3


def test_a_scan_comes_in_the_order_that_is_asked_for(store: Store) -> None:
    loose(store, {"a": [2, 1, 2, None], "b": [1.0, 2.0, 0.0, 5.0]})
    rows = store.scan(LOOSE, order_by=["a", "b"], columns=["b"]).read_all()
    assert rows.column("b").to_pylist() == [2.0, 0.0, 1.0, 5.0]


def test_a_scan_of_a_slice_gives_its_rows_alone(store: Store) -> None:
    for number in (4, 5, 6):
        put(store, day(number), readings(day(number), number))
    assert store.scan(READINGS, owned(day(5))).read_all().num_rows == 5
    assert store.scan(READINGS).read_all().num_rows == 15
    assert store.scan(READINGS, KeySlice("sensor", "s2")).read_all().num_rows == 4


def test_a_slice_without_rows_still_has_its_columns_and_their_types(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    empty = store.scan(READINGS, owned(day(6))).read_all()
    assert empty.num_rows == 0
    assert empty.schema == store.scan(READINGS).schema


def test_a_query_without_rows_still_has_its_columns(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    answer = store.query(Query("SELECT value, sensor FROM lab.readings WHERE value > 99"))
    assert answer.schema.names == ["value", "sensor"]
    assert answer.read_all().num_rows == 0


def test_a_query_is_given_its_values_with_their_types(place: Place, store: Store) -> None:
    # SQLite has no type for a day; what its function gives is text. Behind the DB-API a moment that
    # is bound has lost its type there, too.
    the_fifth, plain = date(2024, 1, 5), engine_of(place.kind) == "sqlite"
    is_text = plain and place.kind != "sqlite"
    answer = store.query(
        Query(
            "SELECT :number + 1 AS number, :text AS text, :moment AS moment, :none AS none, "
            "':text' AS kept, CAST('2024-01-05' AS DATE) AS day -- :text",
            {"number": 1, "text": "it's", "moment": day(5).start, "none": None, "x": 1},
        )
    )
    (row,) = answer.read_all().to_pylist()
    assert row == {
        "number": 2,
        "text": "it's",
        "moment": str(the_fifth) if is_text else day(5).start,
        "none": None,
        "kept": ":text",
        "day": str(the_fifth) if plain else the_fifth,
    }


def test_what_does_not_exist_is_told_apart_from_what_is_empty(store: Store) -> None:
    put(store, day(5), readings(day(5), 0))
    assert store.count(READINGS, owned(day(5))) == 0
    assert store.count(NOWHERE, owned(day(5))) is None
    assert store.columns(NOWHERE) == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.scan(NOWHERE),
        lambda store: store.probe(NOWHERE, "ts", day(5)),
        lambda store: store.version(NOWHERE, "ts", day(5)),
        lambda store: store.digest(NOWHERE),
    ],
    ids=["scan", "probe", "version", "digest"],
)
def test_a_table_that_is_missing_is_named(store: Store, ask: Callable[[Store], object]) -> None:
    with pytest.raises(TableMissingError, match=r"lab\.nowhere"):
        ask(store)


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.scan(READINGS, columns=["nonsense"]).read_all(),
        lambda store: store.scan(READINGS, order_by=["nonsense"]).read_all(),
        lambda store: store.scan(READINGS, KeySlice("nonsense", "x")).read_all(),
        lambda store: store.count(READINGS, owned(day(5), "nonsense")),
        lambda store: store.probe(READINGS, "nonsense", day(5)),
        lambda store: store.version(READINGS, "nonsense", day(5)),
        lambda store: store.drop_slice(READINGS, KeySlice("nonsense", "x")),
        lambda store: store.query(Query("SELECT nonsense FROM lab.readings")).read_all(),
    ],
    ids=["scan", "order", "slice", "count", "probe", "version", "drop", "query"],
)
def test_a_column_that_is_missing_is_an_error_of_ours_and_named(
    store: Store, ask: Callable[[Store], object]
) -> None:
    put(store, day(5), readings(day(5), 3))
    with pytest.raises(QueryError, match="nonsense"):
        ask(store)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT 1; SELECT 2", "", "-- nothing"])
def test_what_is_no_select_is_an_error_of_ours(store: Store, sql: str) -> None:
    with pytest.raises(MLProviderError):
        store.query(Query(sql)).read_all()


def test_a_probe_counts_the_window_and_finds_the_newest_moment_of_all(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(7), readings(day(7), 2))
    newest = day(7).start + timedelta(seconds=1)
    assert store.probe(READINGS, "ts", day(5)) == SourceFacts(3, newest)
    assert store.probe(READINGS, "ts", day(6)) == SourceFacts(0, newest)


def test_a_probe_of_an_empty_table_finds_no_moment(store: Store) -> None:
    put(store, day(5), readings(day(5), 0))
    assert store.probe(READINGS, "ts", day(5)) == SourceFacts(0, None)


@pytest.mark.parametrize(
    ("moment", "kind", "newest"),
    [
        (datetime(2024, 1, 5, 23, 30), pa.timestamp("us"), datetime(2024, 1, 5, 23, 30)),
        (date(2024, 1, 5), pa.date32(), datetime(2024, 1, 5)),
        (
            datetime(2024, 1, 5, 23, 30, tzinfo=UTC),
            pa.timestamp("us", "Asia/Kathmandu"),
            datetime(2024, 1, 5, 23, 30),
        ),
    ],
    ids=["naive", "date", "zone"],
)
def test_times_are_of_the_utc_day_whatever_their_type(
    store: Store, moment: object, kind: pa.DataType, newest: datetime
) -> None:
    rows = pa.table({"at": pa.array([moment], kind), "n": [1]})
    put(store, day(5), rows, table=LOOSE, piece=owned(day(5), "at"))
    assert store.probe(LOOSE, "at", day(5)) == SourceFacts(1, newest.replace(tzinfo=UTC))
    assert store.count(LOOSE, owned(day(6), "at")) == 0


def test_a_fingerprint_is_of_the_rows_of_its_window(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    before = store.version(READINGS, "ts", day(5))
    assert store.version(READINGS, "ts", day(5)) == before
    put(store, day(6), readings(day(6), 3))
    assert store.version(READINGS, "ts", day(5)) == before
    assert store.version(READINGS, "ts", day(6)) != before
    put(store, day(5), readings(day(5), 3, 1.5))
    assert store.version(READINGS, "ts", day(5)) != before


def test_a_digest_is_of_the_whole_table_and_blind_to_order(store: Store) -> None:
    rows = readings(day(5), 5)
    put(store, day(5), rows)
    before = store.digest(READINGS)
    store.drop_slice(READINGS, owned(day(5)))
    assert store.digest(READINGS) != before
    put(store, day(5), rows.take([4, 2, 0, 1, 3]))
    assert store.digest(READINGS) == before
    put(store, day(6), readings(day(6), 1))
    assert store.digest(READINGS) != before


def test_tables_with_equal_rows_and_other_columns_have_other_digests(store: Store) -> None:
    first, second = TableName("lab", "first"), TableName("lab", "second")
    rows = pa.table({"ts": pa.array([day(5).start], pa.timestamp("us", "UTC")), "a": [1]})
    put(store, day(5), rows, table=first)
    put(store, day(5), rows.rename_columns(["ts", "b"]), table=second)
    assert store.digest(first) != store.digest(second)


def test_a_dropped_slice_is_gone_and_nothing_else_is(store: Store) -> None:
    for number in (4, 5):
        put(store, day(number), readings(day(number), 3))
    store.drop_slice(READINGS, owned(day(4)))
    assert store.count(READINGS, owned(day(4))) == 0
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    store.drop_slice(READINGS, KeySlice("sensor", "s0"))
    assert values(store, day(5)) == [2.0, 3.0]
    store.drop_slice(READINGS, KeySlice("sensor", "nobody"))
    store.drop_slice(NOWHERE, KeySlice("sensor", "s0"))
    assert values(store, day(5)) == [2.0, 3.0]
    assert store.columns(NOWHERE) == ()


def test_rows_without_a_time_belong_to_no_slice(store: Store) -> None:
    loose(store, {"at": pa.array([None, day(5).start], pa.timestamp("us", "UTC"))})
    assert store.count(LOOSE, owned(day(5), "at")) == 1
    assert store.scan(LOOSE).read_all().num_rows == 2
    store.drop_slice(LOOSE, owned(day(5), "at"))
    assert store.scan(LOOSE).read_all().num_rows == 1
    assert store.probe(LOOSE, "at", day(5)) == SourceFacts(0, None)


def test_columns_have_names_and_the_types_of_the_store(store: Store) -> None:
    put(store, day(5), readings(day(5), 1))
    columns = store.columns(READINGS)
    assert [column.name for column in columns] == ["ts", "sensor", "value"]
    assert all(column.type for column in columns)


def test_streams_may_be_read_side_by_side_and_left_unread(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    first, second, _unread = (store.scan(READINGS) for _ in range(3))
    assert first.read_all().equals(second.read_all())
    put(store, day(6), readings(day(6), 3))
    assert store.scan(READINGS).read_all().num_rows == 6
