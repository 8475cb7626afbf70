"""Training datasets and batches to score: what was known at the time, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from airflow_ml_provider.domain.errors import SchemaMismatchError, TableMissingError
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.table import TableName, TimeSlice
from airflow_ml_provider.domain.training import FeatureSource, LabelSource
from tests.stores.world import day, put

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
NOON = datetime(2024, 1, 10, 12, tzinfo=UTC)
SPLIT = datetime(2024, 1, 20, tzinfo=UTC)
LABELS, SPEEDS, ROADS = (TableName("lab", name) for name in ("labels", "speeds", "roads"))
LABEL = LabelSource(LABELS, "delay", "at")
SPEED = FeatureSource(SPEEDS, ("car",), "ts")
ROAD = FeatureSource(ROADS, ("car", "lane"), "seen")

Rows = Sequence[Sequence[Any]]


def write(
    store: Store, table: TableName, rows: Rows, kind: pa.DataType | None = None, **columns: Any
) -> None:
    """Write rows whose first column is their time."""
    kind = kind or pa.timestamp("us", "UTC")
    (time, *_) = columns
    content = {
        name: pa.array([row[number] for row in rows], kind if name == time else type_)
        for number, (name, type_) in enumerate(columns.items())
    }
    put(store, day(1), pa.table(content), table=table, piece=TimeSlice(time, START, END))


def labels(store: Store, *rows: Sequence[Any], kind: pa.DataType | None = None) -> None:
    """Write labels: (time, car, delay)."""
    write(store, LABELS, rows, kind, at=None, car=pa.string(), delay=pa.float64())


def speeds(store: Store, *rows: Sequence[Any], kind: pa.DataType | None = None) -> None:
    """Write features: (time, car, speed)."""
    write(store, SPEEDS, rows, kind, ts=None, car=pa.string(), speed=pa.float64())


def dataset(store: Store, *sources: FeatureSource, **more: Any) -> list[dict[str, Any]]:
    query = store.point_in_time(
        more.pop("label", LABEL),
        sources or (SPEED,),
        **{"start": START, "end": END, "split_at": SPLIT, "train_key": "k'1", **more},
    )
    return store.query(query).read_all().to_pylist()


def joined(store: Store, *sources: FeatureSource) -> list[Any]:
    return [row["speed"] for row in dataset(store, *sources)]


def test_the_newest_row_at_or_before_the_label_is_joined(store: Store) -> None:
    labels(store, (NOON, "a", 1.0))
    speeds(store, (NOON - 2 * HOUR, "a", 10.0), (NOON - HOUR, "a", 20.0))
    assert joined(store) == [20.0]
    speeds(store, (NOON - HOUR, "a", 20.0), (NOON, "a", 30.0))
    assert joined(store) == [30.0]


def test_a_row_of_a_moment_after_the_label_does_not_leak(store: Store) -> None:
    labels(store, (NOON, "a", 1.0))
    speeds(store, (NOON - HOUR, "a", 20.0), (NOON + MOMENT, "a", 99.0))
    assert joined(store) == [20.0]
    speeds(store, (NOON + MOMENT, "a", 99.0))
    assert joined(store) == [None]


def test_rows_of_another_entity_do_not_leak(store: Store) -> None:
    labels(store, (NOON, "a", 1.0), (NOON, None, 2.0))
    speeds(store, (NOON, "b", 99.0), (NOON, None, 98.0))
    assert joined(store) == [None, None]


@pytest.mark.parametrize(
    ("age", "speed"), [(HOUR, 20.0), (HOUR + MOMENT, 20.0), (HOUR - MOMENT, None)]
)
def test_a_row_older_than_its_max_age_is_not_joined(
    store: Store, age: timedelta, speed: float | None
) -> None:
    labels(store, (NOON, "a", 1.0))
    speeds(store, (NOON - HOUR, "a", 20.0))
    assert joined(store, replace(SPEED, max_age=age)) == [speed]


def test_an_old_row_is_not_replaced_by_a_row_that_is_older_still(store: Store) -> None:
    labels(store, (NOON, "a", 1.0))
    speeds(store, (NOON - 3 * HOUR, "a", 10.0), (NOON - 2 * HOUR, "a", None))
    assert joined(store) == [None]
    assert joined(store, replace(SPEED, max_age=HOUR)) == [None]


def test_two_rows_of_the_same_moment_do_not_double_the_label(store: Store) -> None:
    labels(store, (NOON, "a", 1.0))
    speeds(store, (NOON, "a", 10.0), (NOON, "a", 20.0))
    (speed,) = joined(store)
    assert speed in {10.0, 20.0}


def test_labels_that_are_equal_are_two_rows(store: Store) -> None:
    labels(store, (NOON, "a", 1.0), (NOON, "a", 1.0))
    speeds(store, (NOON, "a", 10.0))
    assert joined(store) == [10.0, 10.0]


def test_a_label_without_a_value_is_left_out(store: Store) -> None:
    numbers = [None, float("nan") if store.capabilities.nan else 1.0]
    labels(store, *((NOON, "a", number) for number in numbers))
    speeds(store, (NOON, "a", 10.0))
    assert len(dataset(store)) == 1


def test_labels_come_from_their_window_and_are_split_at_a_moment(store: Store) -> None:
    moments = [NOON - MOMENT, NOON, NOON + HOUR - MOMENT, NOON + HOUR, NOON + 2 * HOUR]
    labels(store, *((moment, "a", 1.0) for moment in moments))
    speeds(store)
    rows = dataset(store, start=NOON, end=NOON + 2 * HOUR, split_at=NOON + HOUR)
    assert [row["label_time"] for row in rows] == moments[1:4]
    assert [row["split"] for row in rows] == ["train", "train", "holdout"]
    assert {row["train_key"] for row in rows} == {"k'1"}


def test_rows_come_by_label_time_then_entity(store: Store) -> None:
    labels(store, (NOON, "b", 1.0), (NOON - HOUR, "b", 2.0), (NOON, "a", 3.0))
    speeds(store)
    assert [(row["car"], row["label"]) for row in dataset(store)] == [
        ("b", 2.0),
        ("a", 3.0),
        ("b", 1.0),
    ]


def roads(store: Store, *rows: Sequence[Any]) -> None:
    write(
        store,
        ROADS,
        rows,
        seen=None,
        car=pa.string(),
        lane=pa.int64(),
        speed=pa.float64(),
        label=pa.string(),
    )


def lane_labels(store: Store, *rows: Sequence[Any]) -> None:
    write(store, LABELS, rows, at=None, car=pa.string(), lane=pa.int64(), delay=pa.float64())


def test_features_of_several_tables_stand_side_by_side_under_names_of_their_own(
    store: Store,
) -> None:
    lane_labels(store, (NOON, "a", 1, 5.0), (NOON, "a", 2, 6.0))
    speeds(store, (NOON - HOUR, "a", 10.0))
    roads(store, (NOON, "a", 1, 50.0, "dry"), (NOON + HOUR, "a", 2, 60.0, "wet"))
    rows = dataset(store, SPEED, ROAD)
    assert list(rows[0]) == [
        *("car", "lane", "label_time", "speed", "roads__speed", "roads__label"),
        *("label", "split", "train_key"),
    ]
    assert [(row["speed"], row["roads__speed"], row["roads__label"]) for row in rows] == [
        (10.0, 50.0, "dry"),
        (10.0, None, None),
    ]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us"), pa.timestamp("us", "America/New_York"), pa.timestamp("ms", "UTC")]
)
def test_moments_of_other_types_are_compared_in_utc(store: Store, kind: pa.DataType) -> None:
    def moment(at: datetime) -> datetime:
        return at if kind.tz else at.replace(tzinfo=None)

    labels(store, (NOON, "a", 1.0))
    speeds(
        store,
        (moment(NOON), "a", 10.0),
        (moment(NOON + timedelta(milliseconds=1)), "a", 99.0),
        kind=kind,
    )
    assert joined(store) == [10.0]


def test_a_day_is_known_from_its_first_moment(store: Store) -> None:
    labels(store, (NOON, "a", 1.0), (NOON - 24 * HOUR, "a", 2.0))
    speeds(store, (date(2024, 1, 10), "a", 10.0), kind=pa.date32())
    assert joined(store) == [None, 10.0]


def test_a_day_that_is_known_from_its_first_moment_ages_from_it(store: Store) -> None:
    midnight = NOON - 12 * HOUR
    labels(store, (midnight + 24 * HOUR, "a", 1.0), (midnight + 24 * HOUR + MOMENT, "a", 2.0))
    speeds(store, (date(2024, 1, 10), "a", 10.0), kind=pa.date32())
    assert joined(store, replace(SPEED, max_age=24 * HOUR)) == [10.0, None]


def test_labels_of_a_day_know_what_was_there_at_its_first_moment(store: Store) -> None:
    midnight = NOON - 12 * HOUR
    days = [date(2024, 1, 10), date(2024, 1, 20)]
    labels(store, *((day, "a", 1.0) for day in days), kind=pa.date32())
    speeds(store, (midnight, "a", 10.0), (midnight + MOMENT, "a", 20.0))
    rows = dataset(store)
    assert [(row["speed"], row["split"]) for row in rows] == [(10.0, "train"), (20.0, "holdout")]


def test_a_feature_table_that_is_missing_or_lacks_its_keys_is_named(store: Store) -> None:
    labels(store, (NOON, "a", 1.0))
    with pytest.raises(TableMissingError, match=r"lab\.speeds"):
        dataset(store)
    speeds(store)
    with pytest.raises(SchemaMismatchError, match="'lane'"):
        dataset(store, replace(SPEED, entity=("car", "lane")))


MOMENTS = st.integers(0, 6).map(lambda hours: NOON + hours * HOUR)
CARS = st.sampled_from(["a", "b", None])
AGES = st.none() | st.integers(0, 4).map(lambda hours: hours * HOUR)


def known(label: Sequence[Any], features: Rows, age: timedelta | None) -> set[float | None]:
    """Return what may stand beside a label, said as plainly as possible."""
    at, car, _ = label
    past = [row for row in features if row[1] == car and car is not None and row[0] <= at]
    newest = max((row[0] for row in past), default=None)
    if newest is None or (age is not None and newest < at - age):
        return {None}
    return {row[2] for row in past if row[0] == newest}


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    asked=st.lists(st.tuples(MOMENTS, CARS, st.floats(0, 9)), max_size=6),
    told=st.lists(st.tuples(MOMENTS, CARS, st.floats(0, 9)), max_size=12),
    age=AGES,
)
def test_a_join_agrees_with_a_search_by_hand(
    store: Store, asked: Rows, told: Rows, age: timedelta | None
) -> None:
    labels(store, *asked)
    speeds(store, *told)
    rows = dataset(store, replace(SPEED, max_age=age))
    assert len(rows) == len(asked)
    for row in rows:
        label = (row["label_time"], row["car"], row["label"])
        assert label in asked
        assert row["speed"] in known(label, told, age)


def batch(store: Store, *sources: FeatureSource, **more: Any) -> list[dict[str, Any]]:
    window = {"start": NOON, "end": NOON + 2 * HOUR, **more}
    return store.query(store.feature_rows(sources, **window)).read_all().to_pylist()


def test_a_batch_holds_the_rows_of_its_window_by_time_then_entity(store: Store) -> None:
    speeds(
        store,
        (NOON + HOUR, "a", 3.0),
        (NOON, "b", 2.0),
        (NOON, "a", 1.0),
        (NOON + 2 * HOUR, "a", 9.0),
        (NOON - MOMENT, "a", 9.0),
    )
    assert [row["speed"] for row in batch(store, SPEED)] == [1.0, 2.0, 3.0]


def test_a_batch_and_a_dataset_give_features_the_same_names_and_values(store: Store) -> None:
    lane_labels(store, (NOON, "a", 1, 5.0))
    roads(store, (NOON, "a", 1, 50.0, "dry"))
    speeds(store, (NOON - HOUR, "a", 10.0), (NOON + HOUR, "a", 99.0))
    (trained,) = dataset(store, ROAD, SPEED)
    (scored,) = batch(store, ROAD, SPEED)
    features = [name for name in scored if name not in {"car", "lane", "seen"}]
    assert features == ["speed", "roads__label", "speeds__speed"]
    assert {name: scored[name] for name in features} == {name: trained[name] for name in features}


def test_further_views_of_a_batch_are_no_newer_than_its_rows_nor_too_old(store: Store) -> None:
    roads(store, (NOON, "a", 1, 50.0, "dry"), (NOON + HOUR, "a", 1, 60.0, "wet"))
    speeds(store, (NOON, "a", 10.0), (NOON + HOUR + MOMENT, "a", 99.0))
    fresh = replace(SPEED, max_age=HOUR - MOMENT)
    assert [row["speeds__speed"] for row in batch(store, ROAD, SPEED)] == [10.0, 10.0]
    assert [row["speeds__speed"] for row in batch(store, ROAD, fresh)] == [10.0, None]


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_chunks_of_a_batch_are_its_rows_each_once_and_the_same_each_time(
    store: Store, parts: int
) -> None:
    rows = [
        (NOON + minute * timedelta(minutes=1), car, minute) for minute in range(30) for car in "ab"
    ]
    speeds(store, *rows)
    chunks = [batch(store, SPEED, chunk=(index, parts)) for index in range(parts)]
    assert chunks == [batch(store, SPEED, chunk=(index, parts)) for index in range(parts)]
    together = [(row["ts"], row["car"], row["speed"]) for chunk in chunks for row in chunk]
    assert sorted(together) == sorted(rows)
    assert all(chunks)
