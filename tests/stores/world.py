"""A small world for store tests: one table of readings, its partitions, and who writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Change, Claim, Materialization, Owner, Recipe
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import Slice, TableName, TimeSlice
from airflow_ml_provider.domain.window import Calendar, Granularity, Window

READINGS = TableName("lab", "readings")
CALENDAR = Calendar(Granularity.DAY)
NOW = datetime(2024, 2, 1, tzinfo=UTC)
RECIPE = Recipe("code", "params", {"raw.sensors": "v1"})


def day(number: int) -> Window:
    return CALENDAR.window(f"2024-01-{number:02d}")


def owned(window: Window, column: str = "ts") -> TimeSlice:
    return TimeSlice(column, window.start, window.end)


def owner(number: int = 1) -> Owner:
    return Owner("lab.readings", "run", "materialize", try_number=number)


def readings(window: Window, count: int, value: float = 1.0) -> pa.Table:
    moments = [window.start + timedelta(seconds=i) for i in range(count)]
    return pa.table(
        {
            "ts": pa.array(moments, pa.timestamp("us", "UTC")),
            "sensor": pa.array([f"s{i % 3}" for i in range(count)], pa.string()),
            "value": pa.array([value + i for i in range(count)], pa.float64()),
        }
    )


def claim(store: Store, window: Window, *, table: TableName = READINGS, number: int = 1) -> Claim:
    return store.claim(table, window.key, owner(number), at=NOW)


def put(
    store: Store,
    window: Window,
    rows: Any,
    *,
    table: TableName = READINGS,
    claimed: Claim | None = None,
    piece: Slice | None = None,
    recipe: Recipe = RECIPE,
    expectations: Expectations = Expectations(),
    at: datetime = NOW,
    schema: SchemaPolicy = SchemaPolicy.FAIL,
) -> Materialization:
    return store.replace(
        claimed or claim(store, window, table=table),
        piece or owned(window),
        rows,
        window=window,
        recipe=recipe,
        expectations=expectations,
        at=at,
        schema=schema,
    )


def values(store: Store, window: Window, *, table: TableName = READINGS) -> list[float]:
    rows = store.scan(table, owned(window), columns=["value"], order_by=["ts"])
    return rows.read_all().column("value").to_pylist()


def vouched(store: Store, window: Window, *, table: TableName = READINGS) -> None:
    """Assert that the ledger's line and the table tell the same story."""
    line = store.ledger.line(table, window.key)
    assert line is not None
    assert line.rows == store.count(table, owned(window))
    assert line.content_hash == store.version(table, "ts", window)


def two_days(store: Store) -> Store:
    """Write the partitions that a fault of the network must leave as they are."""
    put(store, day(4), readings(day(4), 5))
    put(store, day(5), readings(day(5), 3))
    return store


def old_and_writable(store: Store) -> None:
    """Assert that the second of two days is the old one, and that the next write is well."""
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    vouched(store, day(5))
    assert put(store, day(5), readings(day(5), 4, 7.0)).change is Change.WRITTEN
    assert values(store, day(5)) == [7.0, 8.0, 9.0, 10.0]
    vouched(store, day(5))
