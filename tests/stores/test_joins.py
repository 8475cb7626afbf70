"""Datasets and batches to score, joined point in time, on every store alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.table import KeySlice, TableName
from airflow_ml_provider.domain.training import FeatureSource, LabelSource
from tests.stores.world import day, owned, put

LABELS, FEATURES = TableName("raw", "labels"), TableName("lab", "features")
START, SPLIT, END = day(5).start, day(6).start, day(7).start
LABEL = LabelSource(LABELS, "y", "at")
FEATURE = FeatureSource(FEATURES, ("who",), "ts")
KIND = pa.timestamp("us", "UTC")


def at(number: int, hour: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2024, 1, number, hour, microsecond=microsecond, tzinfo=UTC)


def fill(store: Store, table: TableName, time: str, **columns: pa.Array) -> None:
    """Put rows into a table, day by day."""
    rows = pa.table(columns)
    days = [date.fromisoformat(str(moment)[:10]).day for moment in columns[time].to_pylist()]
    for number in sorted(set(days)):
        mine = rows.filter(pa.array([one == number for one in days]))
        put(store, day(number), mine, table=table, piece=owned(day(number), time))


def labels(store: Store, who: list[str], moments: list[datetime], y: list[float | None]) -> None:
    fill(store, LABELS, "at", who=pa.array(who), at=pa.array(moments, KIND), y=pa.array(y))


def features(store: Store, who: list[str], moments: list[datetime], x: list[float]) -> None:
    fill(store, FEATURES, "ts", who=pa.array(who), ts=pa.array(moments, KIND), x=pa.array(x))


def dataset(store: Store, *sources: FeatureSource) -> list[dict[str, object]]:
    query = store.point_in_time(
        LABEL, sources or [FEATURE], start=START, end=END, split_at=SPLIT, train_key="k'1"
    )
    return store.query(query).read_all().to_pylist()  # type: ignore[no-any-return]


def batch(store: Store, *sources: FeatureSource, chunk: tuple[int, int] = (0, 1)) -> pa.Table:
    query = store.feature_rows(sources or [FEATURE], start=START, end=END, chunk=chunk)
    return store.query(query).read_all()


def test_each_label_meets_the_newest_features_of_its_entity_at_its_time(store: Store) -> None:
    features(
        store,
        ["a", "a", "a", "b", "a"],
        [at(4), at(5, 6), at(5, 6, 1), at(5, 5), at(6, 12)],
        [1.0, 2.0, 3.0, 4.0, 5.0],
    )
    labels(
        store,
        ["a", "a", "a", "b", "c", "a"],
        [at(5), at(5, 6), at(5, 7), at(5, 4), at(5, 4), at(6, 12)],
        [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
    )
    rows = dataset(store)
    assert [(row["who"], row["label"], row["x"], row["split"]) for row in rows] == [
        ("a", 10.0, 1.0, "train"),
        ("b", 40.0, None, "train"),
        ("c", 50.0, None, "train"),
        ("a", 20.0, 2.0, "train"),
        ("a", 30.0, 3.0, "train"),
        ("a", 60.0, 5.0, "holdout"),
    ]
    assert {row["train_key"] for row in rows} == {"k'1"}
    assert rows[0]["label_time"] == at(5)


def test_labels_outside_the_window_and_without_a_value_are_left_out(store: Store) -> None:
    features(store, ["a"], [at(4)], [1.0])
    labels(
        store,
        ["a"] * 5,
        [at(4, 23), at(5), at(6), at(6, 1), at(7)],
        [1.0, 2.0, None, 4.0, 5.0],
    )
    assert [row["label"] for row in dataset(store)] == [2.0, 4.0]


def test_features_that_are_too_old_are_missing(store: Store) -> None:
    features(store, ["a", "a"], [at(4), at(5, 1)], [1.0, 2.0])
    labels(store, ["a"] * 4, [at(5), at(5, 0, 1), at(6, 1), at(6, 2)], [1.0, 2.0, 3.0, 4.0])
    source = FeatureSource(FEATURES, ("who",), "ts", timedelta(days=1))
    assert [row["x"] for row in dataset(store, source)] == [1.0, None, 2.0, None]


def test_days_and_moments_are_compared_as_midnights(store: Store) -> None:
    daily = TableName("lab", "daily")
    fill(
        store,
        daily,
        "day",
        who=pa.array(["a", "a"]),
        day=pa.array([date(2024, 1, 5), date(2024, 1, 6)]),
        z=pa.array([1, 2]),
    )
    labels(store, ["a"] * 4, [at(5), at(5, 23), at(6), at(6, 1)], [1.0, 2.0, 3.0, 4.0])
    source = FeatureSource(daily, ("who",), "day", timedelta(days=1))
    assert [row["z"] for row in dataset(store, source)] == [1, 1, 2, 2]


def test_labels_of_a_day_meet_features_of_its_midnight(store: Store) -> None:
    features(store, ["a", "a"], [at(5), at(5, 1)], [1.0, 2.0])
    days = pa.array([date(2024, 1, 5), date(2024, 1, 6)])
    fill(store, LABELS, "at", who=pa.array(["a", "a"]), at=days, y=pa.array([1.0, 2.0]))
    rows = dataset(store)
    assert [(row["x"], row["split"]) for row in rows] == [(1.0, "train"), (2.0, "holdout")]


def test_a_feature_whose_name_is_taken_has_its_table_in_front(store: Store) -> None:
    other = TableName("lab", "other")
    features(store, ["a"], [at(5)], [1.0])
    moments = pa.array([at(5)], KIND)
    fill(store, other, "ts", who=pa.array(["a"]), ts=moments, x=pa.array([2.0]))
    labels(store, ["a"], [at(5, 1)], [9.0])
    [row] = dataset(store, FEATURE, FeatureSource(other, ("who",), "ts"))
    assert (row["x"], row["other__x"]) == (1.0, 2.0)
    [scored] = batch(store, FEATURE, FeatureSource(other, ("who",), "ts")).to_pylist()
    assert (scored["x"], scored["other__x"]) == (1.0, 2.0)


def test_a_dataset_is_frozen_where_the_data_is(store: Store) -> None:
    features(store, ["a"], [at(4)], [1.0])
    labels(store, ["a", "a"], [at(5), at(6)], [1.0, 2.0])
    frozen = TableName("lab", "frozen")
    query = store.point_in_time(
        LABEL, [FEATURE], start=START, end=END, split_at=SPLIT, train_key="k1"
    )
    done = put(store, day(5), query, table=frozen, piece=KeySlice("train_key", "k1"))
    assert done.line.rows == 2
    kept = store.scan(frozen, order_by=["label_time"]).read_all()
    assert kept.to_pylist() == store.query(query).read_all().to_pylist()
    assert kept.schema.field("label_time").type == KIND


@pytest.mark.parametrize("parts", [1, 3])
def test_the_chunks_of_a_batch_are_its_rows_each_once(store: Store, parts: int) -> None:
    names = [f"e{number % 40}" for number in range(200)]
    moments = [at(5) + timedelta(minutes=number) for number in range(200)]
    features(store, names, moments, [float(number) for number in range(200)])
    features(store, ["z"], [at(7)], [-1.0])
    chunks = [batch(store, chunk=(index, parts)) for index in range(parts)]
    assert sorted(x for chunk in chunks for x in chunk["x"].to_pylist()) == list(range(200))
    assert all(chunk.num_rows > 30 for chunk in chunks)
    for chunk in chunks:
        assert chunk["ts"].to_pylist() == sorted(chunk["ts"].to_pylist())
