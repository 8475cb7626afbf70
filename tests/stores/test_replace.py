"""What replacing a partition means, on every store alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import (
    CheckFailedError,
    DataError,
    FencedError,
    FunctionError,
    OutsideWindowError,
    QueryError,
    SchemaMismatchError,
    TableMissingError,
)
from airflow_ml_provider.domain.ledger import Change, Owner, Recipe
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.table import KeySlice, TableName
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.world import (
    NOW,
    READINGS,
    RECIPE,
    claim,
    day,
    owned,
    put,
    readings,
    values,
)


def test_the_first_rows_make_the_table_and_its_schema(store: Store) -> None:
    assert store.columns(READINGS) == ()
    done = put(store, day(5), readings(day(5), 3))
    assert done.change is Change.WRITTEN
    assert [column.name for column in store.columns(READINGS)] == ["ts", "sensor", "value"]
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_the_ledger_line_tells_what_was_written(store: Store) -> None:
    first = put(store, day(5), readings(day(5), 3)).line
    assert store.ledger.line(READINGS, day(5).key) == first
    assert (first.token, first.committed_token, first.changed_token) == (1, 1, 1)
    assert (first.rows, first.start, first.end) == (3, day(5).start, day(5).end)
    assert (first.recipe, first.committed_at, first.changed_at) == (RECIPE, NOW, NOW)
    assert first.unpublished


def test_other_partitions_are_left_alone(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(6), readings(day(6), 4))
    before = store.version(READINGS, "ts", day(5))
    put(store, day(6), readings(day(6), 2, value=9.0))
    assert values(store, day(6)) == [9.0, 10.0]
    assert store.version(READINGS, "ts", day(5)) == before


def test_the_same_rows_again_change_nothing_but_are_noted(store: Store) -> None:
    first = put(store, day(5), readings(day(5), 3))
    later = NOW + timedelta(hours=1)
    recipe = replace(RECIPE, code="new code")
    again = put(store, day(5), readings(day(5), 3), recipe=recipe, at=later)
    assert again.change is Change.UNCHANGED
    line = store.ledger.line(READINGS, day(5).key)
    assert line == again.line
    assert line is not None
    assert (line.committed_token, line.changed_token) == (2, 1)
    assert (line.committed_at, line.changed_at) == (later, NOW)
    assert line.recipe == recipe
    assert line.content_hash == first.line.content_hash


def test_the_order_of_rows_does_not_count(store: Store) -> None:
    rows = readings(day(5), 5)
    put(store, day(5), rows)
    assert put(store, day(5), rows.take([4, 2, 0, 1, 3])).change is Change.UNCHANGED


def test_a_duplicated_row_counts(store: Store) -> None:
    rows = readings(day(5), 5)
    put(store, day(5), rows)
    assert put(store, day(5), pa.concat_tables([rows, rows])).change is Change.WRITTEN
    assert store.count(READINGS, owned(day(5))) == 10


def test_rows_that_a_stranger_took_away_are_written_again(store: Store) -> None:
    put(store, day(5), readings(day(5), 5))
    store.drop_slice(READINGS, owned(day(5)))
    done = put(store, day(5), readings(day(5), 5))
    assert done.change is Change.WRITTEN
    assert store.count(READINGS, owned(day(5))) == 5


def test_zero_rows_are_a_real_result(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    done = put(store, day(5), readings(day(5), 0))
    assert done.change is Change.WRITTEN
    assert store.count(READINGS, owned(day(5))) == 0
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert line.committed
    assert line.rows == 0


def test_zero_rows_can_be_the_first_result(store: Store) -> None:
    done = put(store, day(5), readings(day(5), 0))
    assert (done.change, done.line.rows) == (Change.WRITTEN, 0)
    assert put(store, day(5), readings(day(5), 0)).change is Change.UNCHANGED


def test_columns_are_matched_by_name(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(5), readings(day(5), 2, value=7.0).select(["value", "ts", "sensor"]))
    assert values(store, day(5)) == [7.0, 8.0]


@pytest.mark.parametrize("names", [["ts", "value"], ["ts", "sensor", "value", "extra"]])
def test_missing_and_unknown_columns_are_refused(store: Store, names: list[str]) -> None:
    put(store, day(5), readings(day(5), 3))
    rows = readings(day(5), 2)
    rows = rows.append_column("extra", pa.array([1, 2])).select(names)
    with pytest.raises(SchemaMismatchError, match=r"sensor|extra"):
        put(store, day(5), rows)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_a_value_that_would_become_another_is_refused(store: Store) -> None:
    rows = readings(day(5), 2)
    put(store, day(5), rows.set_column(2, "value", pa.array([1, 2], pa.int32())))
    with pytest.raises(SchemaMismatchError, match="value"):
        put(store, day(5), rows.set_column(2, "value", pa.array([1.5, 2.5])))
    with pytest.raises(SchemaMismatchError, match="value"):
        put(store, day(5), rows.set_column(2, "value", pa.array([2**40, 1])))
    assert values(store, day(5)) == [1, 2]


def test_integers_may_go_into_a_column_of_doubles(store: Store) -> None:
    put(store, day(5), readings(day(5), 2))
    put(store, day(5), readings(day(5), 2).set_column(2, "value", pa.array([3, 4])))
    assert values(store, day(5)) == [3.0, 4.0]


def test_rows_without_the_slice_column_are_refused(store: Store) -> None:
    with pytest.raises(SchemaMismatchError, match="'ts'"):
        put(store, day(5), readings(day(5), 2).drop_columns(["ts"]))
    assert store.columns(READINGS) == ()


def test_rows_of_another_partition_are_refused_with_an_example(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(6), readings(day(6), 3))
    stray = pa.concat_tables([readings(day(5), 4), readings(day(6), 2)])
    with pytest.raises(OutsideWindowError, match=r"2 of 6 rows.*2024-01-06 00:00:0"):
        put(store, day(5), stray)
    assert store.count(READINGS, owned(day(5))) == 3
    assert store.count(READINGS, owned(day(6))) == 3


def test_the_window_is_half_open(store: Store) -> None:
    edge = readings(day(5), 1).set_column(
        0, "ts", pa.array([day(5).end], pa.timestamp("us", "UTC"))
    )
    with pytest.raises(OutsideWindowError):
        put(store, day(5), edge)
    put(store, day(6), edge)
    assert store.count(READINGS, owned(day(6))) == 1


def test_no_time_at_all_is_refused(store: Store) -> None:
    rows = readings(day(5), 2).set_column(
        0, "ts", pa.array([day(5).start, None], pa.timestamp("us", "UTC"))
    )
    with pytest.raises(OutsideWindowError, match="1 of 2"):
        put(store, day(5), rows)


def test_a_failed_check_leaves_the_old_partition(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    rows = readings(day(5), 2).set_column(1, "sensor", pa.array(["a", None]))
    with pytest.raises(CheckFailedError, match="not_null"):
        put(store, day(5), rows, expectations=Expectations(not_null=("sensor",)))
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert (line.token, line.committed_token) == (2, 1)


def has_nothing_of(store: Store, table: TableName = READINGS) -> bool:
    """Whether there is no table, or one without rows where the engine cannot take it back."""
    if store.capabilities.ddl_in_transaction:
        return store.columns(table) == ()
    return not store.columns(table) or store.scan(table).read_all().num_rows == 0


def test_a_failed_check_leaves_no_table_behind(store: Store) -> None:
    with pytest.raises(CheckFailedError):
        put(store, day(5), readings(day(5), 2), expectations=Expectations(rows_min=5))
    assert has_nothing_of(store)
    assert put(store, day(5), readings(day(5), 2)).change is Change.WRITTEN


def test_every_kind_of_check_counts_what_it_should(store: Store) -> None:
    rows = pa.table(
        {
            "ts": pa.array([day(5).start] * 6, pa.timestamp("us", "UTC")),
            "sensor": ["a", "a", "b", None, "c", "c"],
            "value": [1.0, 1.0, -5.0, 100.0, None, 201.0],
            "low": [1.0, 1.0, -5.0, 100.0, None, 201.0],
            "high": [1.0, 1.0, -5.0, 100.0, None, 201.0],
            "good": [True, True, False, None, True, True],
        }
    )
    wanted = Expectations(
        rows_min=7,
        rows_max=5,
        not_null=("sensor", "value"),
        unique=(("sensor",), ("sensor", "value")),
        between=(("value", 0, 50), ("high", None, 200), ("low", 0, None)),
        accepted=(("sensor", ("a", "b")), ("good", ("true",))),
    )
    with pytest.raises(CheckFailedError) as failure:
        put(store, day(5), rows, expectations=wanted)
    said = str(failure.value)
    for sentence in (
        "rows failed: 6 rows, required at least 7",
        "rows failed: 6 rows, required at most 5",
        "not_null(sensor) failed: 1 of 6 rows are NULL",
        "not_null(value) failed: 1 of 6 rows are NULL",
        "unique(sensor) failed: 2 of 6 rows repeat a key",
        "unique(sensor, value) failed: 1 of 6 rows repeat a key",
        "between(value) failed: 3 of 6 rows lie outside, required between 0 and 50",
        "between(high) failed: 1 of 6 rows lie outside, required between any and 200",
        "between(low) failed: 1 of 6 rows lie outside, required between 0 and any",
        "accepted(sensor) failed: 2 of 6 rows have another value",
        "accepted(good) failed: 1 of 6 rows have another value",
    ):
        assert sentence in said


def test_not_a_number_is_greater_than_every_number_or_refused(store: Store) -> None:
    rows = readings(day(5), 1).set_column(2, "value", pa.array([float("nan")]))
    if not store.capabilities.nan:
        with pytest.raises(DataError, match="'value' holds NaN"):
            put(store, day(5), rows)
        assert has_nothing_of(store)
        return
    with pytest.raises(CheckFailedError, match="1 of 1 rows lie outside"):
        put(store, day(5), rows, expectations=Expectations(between=(("value", None, 1e308),)))
    put(store, day(5), rows, expectations=Expectations(between=(("value", 1e308, None),)))
    assert math.isnan(values(store, day(5))[0])


def test_infinity_is_kept_or_refused(store: Store) -> None:
    rows = readings(day(5), 2).set_column(2, "value", pa.array([math.inf, -math.inf]))
    if not store.capabilities.infinity:
        with pytest.raises(DataError, match="'value' holds inf"):
            put(store, day(5), rows)
        return
    put(store, day(5), rows)
    assert values(store, day(5)) == [math.inf, -math.inf]


def test_checks_that_pass_are_reported_too(store: Store) -> None:
    wanted = Expectations(rows_min=1, unique=(("ts",),), between=(("value", 0, 10),))
    done = put(store, day(5), readings(day(5), 3), expectations=wanted)
    assert [finding.check for finding in done.audit.findings] == [
        "rows",
        "unique(ts)",
        "between(value)",
    ]
    assert done.audit.passed


def test_a_zombie_is_fenced_after_a_newer_claim(store: Store) -> None:
    old = claim(store, day(5), number=1)
    new = claim(store, day(5), number=2)
    assert new.token == old.token + 1
    put(store, day(5), readings(day(5), 2, value=5.0), claimed=new)
    with pytest.raises(FencedError, match="must stop"):
        put(store, day(5), readings(day(5), 3), claimed=old)
    assert values(store, day(5)) == [5.0, 6.0]


def test_a_newer_claim_fences_even_before_it_has_written(store: Store) -> None:
    old = claim(store, day(5))
    claim(store, day(5))
    with pytest.raises(FencedError):
        put(store, day(5), readings(day(5), 3), claimed=old)
    assert store.columns(READINGS) == ()


def test_a_claim_may_write_more_than_once(store: Store) -> None:
    mine = claim(store, day(5))
    put(store, day(5), readings(day(5), 3), claimed=mine)
    put(store, day(5), readings(day(5), 1), claimed=mine)
    assert store.count(READINGS, owned(day(5))) == 1


def test_the_error_of_a_producer_is_the_error_one_sees(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    rows = readings(day(5), 3)

    def breaks_off() -> Iterator[pa.RecordBatch]:
        yield from rows.to_batches()
        raise ZeroDivisionError("in row 3")

    stream = pa.RecordBatchReader.from_batches(rows.schema, breaks_off())
    with pytest.raises(ZeroDivisionError, match="in row 3"):
        put(store, day(5), stream)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_what_is_no_table_is_refused(store: Store) -> None:
    with pytest.raises(FunctionError, match="dict is not a table"):
        put(store, day(5), {"ts": []})


def test_a_stream_of_the_store_itself_can_be_written_back(store: Store) -> None:
    put(store, day(5), readings(day(5), 4))
    rows = store.scan(READINGS, owned(day(5)))
    assert put(store, day(5), rows).change is Change.UNCHANGED
    assert store.count(READINGS, owned(day(5))) == 4


def test_a_query_is_run_where_the_data_is(store: Store) -> None:
    put(store, day(5), readings(day(5), 4))
    sums = TableName("lab", "sums")
    query = Query(
        "SELECT sensor, min(ts) AS ts, sum(value) AS total -- :window_end\n"
        "FROM lab.readings WHERE ts >= :window_start AND ts < :window_end\n"
        "GROUP BY sensor;",
        {"window_start": day(5).start, "window_end": day(5).end, "unused": 1},
    )
    done = put(store, day(5), query, table=sums)
    assert (done.change, done.line.rows) == (Change.WRITTEN, 3)
    rows = store.scan(sums, order_by=["sensor"]).read_all()
    assert rows.column("total").to_pylist() == [5.0, 2.0, 3.0]
    assert put(store, day(5), query, table=sums).change is Change.UNCHANGED


def test_a_query_of_other_columns_is_refused(store: Store) -> None:
    put(store, day(5), readings(day(5), 4))
    with pytest.raises(SchemaMismatchError, match="sensor"):
        put(store, day(5), Query("SELECT ts, value FROM lab.readings"))


def test_a_query_of_rows_outside_is_refused_with_an_example(store: Store) -> None:
    put(store, day(5), readings(day(5), 4))
    copy = TableName("lab", "copied")
    with pytest.raises(OutsideWindowError, match=r"4 of 4 rows.*2024-01-05"):
        put(store, day(6), Query("SELECT * FROM lab.readings"), table=copy)
    assert has_nothing_of(store, copy)


def test_a_query_that_the_database_refuses_leaves_everything(store: Store) -> None:
    put(store, day(5), readings(day(5), 4))
    with pytest.raises(QueryError, match="nonsense"):
        put(store, day(5), Query("SELECT nonsense FROM lab.readings"))
    assert store.count(READINGS, owned(day(5))) == 4


def test_a_query_over_a_missing_table_says_so(store: Store) -> None:
    with pytest.raises(TableMissingError, match="nowhere"):
        put(store, day(5), Query("SELECT * FROM nowhere"))


def test_a_slice_may_be_a_key(store: Store) -> None:
    dataset = TableName(None, "dataset")
    piece = KeySlice("train_key", "k'1")
    rows = pa.table({"train_key": ["k'1", "k'1"], "x": [1, 2]})
    for _ in range(2):
        put(store, day(5), rows, table=dataset, piece=piece)
    put(
        store,
        day(6),
        pa.table({"train_key": ["k2"], "x": [3]}),
        table=dataset,
        piece=KeySlice("train_key", "k2"),
    )
    assert store.count(dataset, piece) == 2
    with pytest.raises(OutsideWindowError, match="k2"):
        put(
            store,
            day(5),
            pa.table({"train_key": ["k2"], "x": [3]}),
            table=dataset,
            piece=piece,
        )


def test_times_without_a_zone_count_as_utc(store: Store) -> None:
    plain = TableName("lab", "plain")
    rows = pa.table({"ts": pa.array([datetime(2024, 1, 5, 23, 59)], pa.timestamp("us"))})
    put(store, day(5), rows, table=plain)
    assert store.count(plain, owned(day(5))) == 1
    aware = pa.table({"ts": pa.array([datetime(2024, 1, 5, 1, tzinfo=UTC)])})
    berlin = aware.cast(pa.schema([("ts", pa.timestamp("us", "Europe/Berlin"))]))
    put(store, day(5), berlin, table=plain)
    kept = store.scan(plain).read_all().column("ts").to_pylist()
    assert kept == [datetime(2024, 1, 5, 1)]


def test_dates_belong_to_the_day_that_they_name(store: Store) -> None:
    daily = TableName("lab", "daily")
    rows = pa.table({"ts": pa.array([day(5).start.date()], pa.date32()), "n": [1]})
    put(store, day(5), rows, table=daily)
    with pytest.raises(OutsideWindowError, match="2024, 1, 5"):
        put(store, day(6), rows, table=daily)
    assert store.count(daily, owned(day(5))) == 1


def test_hostile_names_are_only_names(place: Place, store: Store) -> None:
    # MySQL's names have no letters beyond the basic plane.
    odd = "Ünïcode :x $1 ?" if place.kind == "mysql" else "Ünïcode 🙂 :x $1 ?"
    table = TableName('sch"ema; --', "ta\"b'le $1 :x ?")
    key = "key'\"; DROP TABLE ml_partition; --\n:x $1 ? %s {}"
    rows = readings(day(5), 2).rename_columns(['a"t', "select; --", odd])
    mine = store.claim(table, key, hostile_owner(), at=NOW)
    done = store.replace(
        mine,
        owned(day(5), 'a"t'),
        rows,
        window=day(5),
        recipe=Recipe("c", "p", {'in"put': "v'1"}),
        expectations=Expectations(
            not_null=('a"t',),
            unique=(('a"t', "select; --"),),
            between=((odd, 0, 10),),
            accepted=(("select; --", ("s0", "s1", "it's")),),
        ),
        at=NOW,
    )
    assert done.change is Change.WRITTEN
    line = store.ledger.line(table, key)
    assert line == done.line
    assert store.ledger.lines(table) == [line]
    assert store.scan(table, order_by=['a"t']).read_all().num_rows == 2


def hostile_owner() -> Owner:
    return Owner("d'ag", 'r"un ünï 🙂' * 50, "t;ask", 3, 2)


def test_steps_are_told_in_their_order(place: Place) -> None:
    steps: list[str] = []
    with open_store(place.kind, place.location, on_step=steps.append) as store:
        put(store, day(5), readings(day(5), 2))
    assert steps[0] == "claimed"
    assert steps[-1] == "committed"
    order = ["claimed", "begun", "locked", "deleted", "loaded", "audited", "noted", "committed"]
    assert [step for step in order if step in steps] == steps
