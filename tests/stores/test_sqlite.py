"""What SQLite alone needs: values that come back the same, sources that compare, one writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    DataError,
    ExhaustedError,
    QueryError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import FeatureSource
from airflow_ml_provider.stores.sqlite.store import SqliteStore
from airflow_ml_provider.stores.sqlite.types import declared, meant
from airflow_ml_provider.stores.sqlite.values import fitting, hashable, read, stored
from tests.stores.attempt import LOADING, Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.world import READINGS, day, owned, put, readings, values

SOURCE = TableName("lab", "source")
UTC_MOMENT = pa.timestamp("us", "UTC")
YEARS = {"min_value": datetime(1, 1, 1), "max_value": datetime(9999, 12, 31)}
MOMENTS = st.datetimes(**YEARS)  # type: ignore[arg-type]
CENTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint16(), st.integers(0, 2**16 - 1)),
    (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**63 - 1)),
    (pa.float32(), st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.decimal128(12, 2), CENTS),
    (pa.decimal128(30, 0), st.integers(-(2**53), 2**53).map(Decimal)),
    (pa.string(), TEXT),
    (pa.binary(), st.binary(max_size=20)),
    (pa.date32(), st.dates()),
    (pa.time64("us"), st.times()),
    (pa.timestamp("us"), MOMENTS),
    (UTC_MOMENT, MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    (pa.duration("us"), st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000))),
    (pa.list_(pa.float64()), st.lists(NUMBERS | st.none(), max_size=4)),
    (pa.list_(pa.list_(pa.string())), st.lists(st.lists(TEXT, max_size=2), max_size=2)),
]


@pytest.fixture
def sqlite(sqlite_file: Place) -> Iterator[SqliteStore]:
    with SqliteStore(sqlite_file.location) as store:
        yield store


def by_hand(place: Place, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements as a stranger would, with the sqlite3 of the standard library."""
    connection = sqlite3.connect(place.location)
    try:
        with connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]
    finally:
        connection.close()


def one_column(kind: pa.DataType, *given: object) -> pa.Table:
    """Return rows of the fifth of January with one more column."""
    moments = pa.array([day(5).start] * len(given), UTC_MOMENT)
    return pa.table({"ts": moments, "v": pa.array(given, kind)})


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_every_value_comes_back_the_same_and_is_hashed_alike(data):
    kind, values = data.draw(st.sampled_from(KINDS))
    column = pa.array(data.draw(st.lists(st.none() | values, max_size=5)), kind)
    table = f"CREATE TABLE t (v {declared_sql(kind)})"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(table)
        kept = stored("v", column)
        connection.executemany("INSERT INTO t VALUES (?)", zip(kept.to_pylist(), strict=True))
        rests = [row[0] for row in connection.execute("SELECT v FROM t")]
        [(name,)] = connection.execute("SELECT type FROM pragma_table_info('t')").fetchall()
    assert meant(name) == kind
    assert read("v", rests, kind).equals(column)
    assert fitting("v", rests, kind)[0].equals(hashable(column, kept)[0])


def declared_sql(kind: pa.DataType) -> str:
    return f'"{declared(pa.field("v", kind))}"'


@given(st.lists(MOMENTS, min_size=2, max_size=2))
def test_moments_sort_as_text(moments):
    texts = stored("v", pa.array(moments, pa.timestamp("us"))).to_pylist()
    assert (texts[0] < texts[1]) == (moments[0] < moments[1])


@given(CENTS.filter(lambda cents: cents % 1 != 0))
def test_a_decimal_is_the_double_that_people_write(cents):
    [kept] = stored("v", pa.array([cents], pa.decimal128(12, 2))).to_pylist()
    assert kept == float(str(cents))


def test_a_table_reads_as_it_was_written(sqlite: SqliteStore) -> None:
    rows = pa.table(
        {
            "ts": pa.array([day(5).start, day(5).start + timedelta(microseconds=5)], UTC_MOMENT),
            "plain": pa.array([datetime(1905, 1, 1), None], pa.timestamp("ms")),
            "day": pa.array([date(1, 1, 1), date(9999, 12, 31)]),
            "hour": pa.array([time(23, 59, 59, 999999), None]),
            "flag": pa.array([True, None]),
            "price": pa.array([Decimal("-0.10"), Decimal("9999999999.99")], pa.decimal128(12, 2)),
            "carrier": pa.array(["AA", ""]).dictionary_encode(),
            "vector": pa.array([[0.5, None], []], pa.large_list(pa.float32())),
            "raw": pa.array([b"\0'", b""], pa.large_binary()),
            "huge": pa.array([2**63 - 1, 0], pa.uint64()),
            "none": pa.nulls(2),
        }
    )
    put(sqlite, day(5), rows)
    kept = sqlite.scan(READINGS, owned(day(5))).read_all()
    assert kept.to_pylist() == rows.to_pylist()
    assert put(sqlite, day(5), sqlite.scan(READINGS)).change is Change.UNCHANGED


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (pa.float64(), float("nan"), "NaN"),
        (pa.list_(pa.float64()), [float("nan")], "NaN"),
        (pa.uint64(), 2**63, "9223372036854775808"),
        (pa.decimal128(38, 2), Decimal("12345678901234567.89"), "12345678901234567.89"),
        (pa.timestamp("us"), 300_000_000_000_000_000, "years 1 to 9999"),
        (pa.date32(), -800_000, "years 1 to 9999"),
    ],
    ids=["nan", "nan in a list", "large integer", "long decimal", "late moment", "early day"],
)
def test_what_cannot_be_kept_is_refused(sqlite, kind, value, said):
    with pytest.raises(DataError, match=said):
        put(sqlite, day(5), one_column(kind, value))
    assert sqlite.columns(READINGS) == ()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (one_column(pa.struct([("a", pa.int64())]), {"a": 1}), "'v' is of Arrow type struct"),
        (one_column(pa.list_(pa.date32()), [date(2024, 1, 1)]), "has no column type"),
        (one_column(pa.decimal256(50, 2), Decimal(1)), "decimal256"),
    ],
    ids=["struct", "list of days", "wide decimal"],
)
def test_a_type_without_a_counterpart_is_refused(sqlite, rows, said):
    with pytest.raises(SchemaMismatchError, match=said):
        put(sqlite, day(5), rows)


def test_nanoseconds_are_kept_or_refused(sqlite: SqliteStore) -> None:
    put(sqlite, day(5), one_column(pa.timestamp("ns"), 1_000))
    with pytest.raises(SchemaMismatchError, match="'v'"):
        put(sqlite, day(5), one_column(pa.timestamp("ns"), 1_001))


def test_computed_columns_have_the_types_of_their_values(sqlite: SqliteStore) -> None:
    put(sqlite, day(5), readings(day(5), 3))
    answer = sqlite.query(
        Query(
            "SELECT max(ts) AS last, count(*) AS n, avg(value) AS mean, 'x' AS text, x'00' AS raw, "
            "NULL AS nil, date(min(ts)) AS day FROM lab.readings"
        )
    )
    kinds = {field.name: field.type for field in answer.schema}
    assert kinds == {
        "last": UTC_MOMENT,
        "n": pa.int64(),
        "mean": pa.float64(),
        "text": pa.string(),
        "raw": pa.binary(),
        "nil": pa.null(),
        "day": pa.string(),
    }
    assert answer.read_all()["n"].to_pylist() == [3]


def test_a_computed_column_of_several_kinds_is_refused(sqlite: SqliteStore) -> None:
    with pytest.raises(DataError, match="'v' of the answer holds values of several kinds"):
        sqlite.query(Query("SELECT 1 AS v UNION ALL SELECT 'a'"))


def test_the_types_of_a_pushed_down_select_are_those_of_its_values(sqlite: SqliteStore) -> None:
    put(sqlite, day(5), readings(day(5), 3))
    query = Query(
        "SELECT CAST(:window_start AS TIMESTAMPTZ) AS ts, sensor, sum(value) AS total "
        "FROM lab.readings WHERE ts >= :window_start GROUP BY sensor",
        {"window_start": day(5).start},
    )
    sums = TableName("lab", "sums")
    assert put(sqlite, day(5), query, table=sums).line.rows == 3
    assert [(column.name, column.type) for column in sqlite.columns(sums)] == [
        ("ts", "TIMESTAMPTZ"),
        ("sensor", "TEXT"),
        ("total", "DOUBLE"),
    ]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("'many'", "'value' .*string"),
        ("x'00'", "'value' .*binary"),
        ("ts", "'value' .*string"),
    ],
)
def test_a_select_of_other_values_than_the_column_holds_is_refused(sqlite, expression, said):
    put(sqlite, day(5), readings(day(5), 3))
    put(sqlite, day(5), readings(day(5), 3), table=SOURCE)
    query = Query(f"SELECT ts, sensor, {expression} AS value FROM lab.source")
    with pytest.raises(SchemaMismatchError, match=said):
        put(sqlite, day(5), query)
    assert values(sqlite, day(5)) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("kind", "kept", "given", "said"),
    [
        (pa.timestamp("us"), datetime(2024, 1, 1), "'2024-01-01T00:00:00'", "T00:00"),
        (pa.timestamp("us"), datetime(2024, 1, 1), "'2024-01-01'", "'2024-01-01'"),
        (pa.date32(), date(2024, 1, 1), "'2024-01-01 00:00:00'", "date32"),
        (pa.int8(), 1, "300", "300"),
        (pa.int64(), 1, "1.5", "1.5"),
        (pa.bool_(), True, "2", "neither 0 nor 1"),
        (pa.decimal128(12, 2), Decimal(1), "1.005", "digits"),
        (pa.float32(), 1.0, "0.1", "digits"),
        (pa.string(), "a", "x'00ff'", "string"),
    ],
)
def test_a_select_must_give_values_in_the_form_in_which_they_are_kept(
    sqlite, kind, kept, given, said
):
    put(sqlite, day(5), one_column(kind, kept))
    with pytest.raises(SchemaMismatchError, match=said):
        put(sqlite, day(5), Query(f"SELECT '2024-01-05 00:00:00' AS ts, {given} AS v"))


def test_rows_of_arrow_and_of_sql_have_one_hash(sqlite: SqliteStore) -> None:
    for table in (READINGS, SOURCE):
        put(sqlite, day(5), readings(day(5), 30), table=table)
    same = Query("SELECT value, sensor, ts FROM lab.source ORDER BY value DESC")
    assert put(sqlite, day(5), same).change is Change.UNCHANGED


FORMS = [
    "2024-01-05 00:00:00",
    "2024-01-05 00:00:00.000000",
    "2024-01-05 00:00:00+00:00",
    "2024-01-05 23:59:59.999Z",
    "2024-01-05",
]


@pytest.mark.parametrize("form", FORMS)
def test_times_as_others_write_them_are_compared_with_windows(sqlite, sqlite_file, form):
    by_hand(
        sqlite_file,
        "CREATE TABLE trips (at DATETIME, n INTEGER)",
        f"INSERT INTO trips VALUES ('{form}', 1), ('2024-01-04 23:59:59.999999', 2), "
        "('2024-01-06 00:00:00', 3), (NULL, 4)",
    )
    source = TableName(None, "trips")
    facts = sqlite.probe(source, "at", day(5))
    assert (facts.rows, facts.newest) == (1, day(6).start)
    before = sqlite.version(source, "at", day(5))
    by_hand(sqlite_file, "UPDATE trips SET n = 9 WHERE n = 1")
    assert sqlite.version(source, "at", day(5)) != before
    found = sqlite.query(
        Query(
            "SELECT n FROM trips WHERE at >= :begin AND at < :end",
            {"begin": day(5).start, "end": day(6).start},
        )
    )
    days_only = len(form) == 10
    assert found.read_all()["n"].to_pylist() == ([] if days_only else [9])


@pytest.mark.parametrize(
    "form",
    ["2024-01-05T06:00:00", "2024-01-05 06:00:00+02:00", "05.01.2024", "2024-02-30 00:00:00"],
)
def test_times_that_do_not_compare_are_refused_with_an_example(sqlite, sqlite_file, form):
    by_hand(
        sqlite_file,
        "CREATE TABLE trips (at TEXT)",
        f"INSERT INTO trips VALUES ('2024-01-05 00:00:00'), ('{form}')",
    )
    for look in (sqlite.probe, sqlite.version):
        with pytest.raises(SchemaMismatchError) as failure:
            look(TableName(None, "trips"), "at", day(5))
        assert f"1 times like {form!r}" in str(failure.value)


def test_times_that_are_numbers_are_refused(sqlite, sqlite_file):
    by_hand(sqlite_file, "CREATE TABLE trips (at)", "INSERT INTO trips VALUES (1704412800)")
    with pytest.raises(SchemaMismatchError, match="1704412800"):
        sqlite.probe(TableName(None, "trips"), "at", day(5))


def test_a_source_may_hold_values_of_any_kind(sqlite, sqlite_file):
    by_hand(
        sqlite_file,
        "CREATE TABLE odd (at TEXT, v)",
        "INSERT INTO odd VALUES ('2024-01-05', 1), ('2024-01-05', 1.0), ('2024-01-05', 'a'), "
        "('2024-01-05', x'61'), ('2024-01-05', NULL)",
    )
    source = TableName(None, "odd")
    before = sqlite.version(source, "at", day(5))
    assert sqlite.version(source, "at", day(5)) == before
    by_hand(sqlite_file, "UPDATE odd SET v = 2 WHERE typeof(v) = 'integer'")
    assert sqlite.version(source, "at", day(5)) != before


def test_a_column_that_a_stranger_spoiled_is_named(sqlite, sqlite_file):
    put(sqlite, day(5), readings(day(5), 3))
    by_hand(sqlite_file, """UPDATE "lab.readings" SET value = 'high' WHERE value = 2""")
    with pytest.raises(DataError, match=r"Column 'value' .*no double"):
        sqlite.scan(READINGS).read_all()


def test_a_foreign_table_whose_types_say_too_little_is_not_written_to(sqlite, sqlite_file):
    by_hand(
        sqlite_file, 'CREATE TABLE "lab.readings" (ts TIMESTAMPTZ, sensor TEXT, value NUMERIC)'
    )
    with pytest.raises(SchemaMismatchError, match=r"'value' \(NUMERIC\)"):
        put(sqlite, day(5), readings(day(5), 3))


def test_an_unknown_name_in_double_quotes_is_no_text(sqlite: SqliteStore) -> None:
    put(sqlite, day(5), readings(day(5), 1))
    with pytest.raises(QueryError, match="no such column: nonsense"):
        sqlite.query(Query('SELECT "nonsense" FROM lab.readings'))


def test_newest_features_are_looked_up_by_an_index(sqlite, sqlite_file):
    put(sqlite, day(5), readings(day(5), 3))
    source = FeatureSource(READINGS, ("sensor",), "ts")
    sqlite.feature_rows([source, source], start=day(5).start, end=day(6).start)
    made = by_hand(sqlite_file, "SELECT name FROM sqlite_master WHERE type = 'index'")
    assert ("ml lab.readings sensor ts",) in made


def test_features_in_a_view_are_refused(sqlite, sqlite_file):
    put(sqlite, day(5), readings(day(5), 3))
    by_hand(sqlite_file, 'CREATE VIEW seen AS SELECT * FROM "lab.readings"')
    source = FeatureSource(TableName(None, "seen"), ("sensor",), "ts")
    with pytest.raises(ConfigurationError, match="seen is a view"):
        sqlite.feature_rows([source], start=day(5).start, end=day(6).start)


def test_readers_see_the_old_rows_while_another_process_writes(sqlite, sqlite_file):
    put(sqlite, day(5), readings(day(5), 3))
    with Attempt(Plan(sqlite_file, 40, 500.0, holds=LOADING)) as writer:
        writer.reaches(LOADING)
        assert values(sqlite, day(5)) == [1.0, 2.0, 3.0]
        writer.goes_on()
        assert writer.outcome().change == "written"
    assert len(values(sqlite, day(5))) == 40


def test_a_second_writer_waits_for_the_first(sqlite, sqlite_file):
    put(sqlite, day(5), readings(day(5), 3))
    with Attempt(Plan(sqlite_file, 40, 500.0, holds=LOADING)) as first:
        first.reaches(LOADING)
        with Attempt(Plan(sqlite_file, 5, 7.0, number=6)) as second:
            first.goes_on()
            assert [first.outcome().change, second.outcome().change] == ["written", "written"]
    assert [len(values(sqlite, day(number))) for number in (5, 6)] == [40, 5]


def test_who_waits_too_long_for_a_writer_is_told_which_process_it_is(sqlite, sqlite_file):
    put(sqlite, day(5), readings(day(5), 3))
    with Attempt(Plan(sqlite_file, 40, 500.0, holds=LOADING)) as first:
        first.reaches(LOADING)
        with (
            SqliteStore(sqlite_file.location, lock_wait=0.05) as hasty,
            pytest.raises(UnavailableError, match=rf"written by process {first.pid} \("),
        ):
            put(hasty, day(6), readings(day(6), 3))


def test_many_that_make_one_file_at_once_all_open_it(tmp_path):
    # Of 60 new files about three show it, where who is refused at once is not patient.
    def opens(path: Path, together: Barrier) -> list[tuple[Any, ...]]:
        with SqliteStore(path) as store:
            together.wait()
            return store._session.execute("SELECT 1")

    with ThreadPoolExecutor(8) as pool:
        for number in range(60):
            path, together = tmp_path / f"{number}.sqlite", Barrier(8)
            racers = [pool.submit(opens, path, together) for _ in range(8)]
            assert [racer.result() for racer in racers] == [[(1,)]] * 8


def test_a_file_in_no_folder_says_where_it_should_have_been(tmp_path):
    path = tmp_path / "nowhere" / "store.sqlite"
    with SqliteStore(path) as store, pytest.raises(UnavailableError, match=str(path)):
        store.columns(READINGS)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no database " * 100)
    with SqliteStore(path) as store, pytest.raises(ConfigurationError, match="not a database"):
        store.columns(READINGS)


def test_a_database_in_memory_is_refused(tmp_path):
    with SqliteStore(":memory:") as store, pytest.raises(ConfigurationError, match="local disk"):
        store.columns(READINGS)


def test_a_full_database_leaves_the_old_partition(sqlite: SqliteStore) -> None:
    put(sqlite, day(5), readings(day(5), 3))
    pages = sqlite._session.execute("PRAGMA page_count")[0][0]
    sqlite._session.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(ExhaustedError, match="full"):
        put(sqlite, day(5), readings(day(5), 20_000, 9.0))
    assert values(sqlite, day(5)) == [1.0, 2.0, 3.0]


def test_lists_are_json_for_sql(sqlite: Store) -> None:
    put(sqlite, day(5), one_column(pa.list_(pa.int64()), [1, 2, 3]))
    answer = sqlite.query(
        Query("SELECT sum(j.value) AS total FROM lab.readings, json_each(readings.v) AS j")
    )
    assert answer.read_all().to_pylist() == [{"total": 6}]
