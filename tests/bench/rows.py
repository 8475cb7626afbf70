"""Rows to load: 20 columns of the types that feature tables have, NULLs among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Owner, Recipe
from airflow_ml_provider.domain.table import TableName, TimeSlice
from airflow_ml_provider.domain.window import Calendar, Granularity, Window

CALENDAR = Calendar(Granularity.DAY)
TABLE = TableName("bench", "features")
SOURCE = TableName("bench", "source")
NOW = datetime(2013, 6, 1, tzinfo=UTC)
FIRST = datetime(2013, 1, 1, tzinfo=UTC)
OWNER = Owner("bench", "manual", "materialize")
RECIPE = Recipe("code", "params", {"raw.bench": "1"})
CHECKS = Expectations(
    rows_min=1,
    not_null=("seen", "id", "price"),
    between=(("ratio", 0, 1),),
    accepted=(("carrier", ("AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN")),),
)
_ROUND = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of rows."""

    window: Window
    rows: Any


def day(number: int) -> Window:
    """Return the window of a day, counted from the first."""
    return CALENDAR.window_at(FIRST + timedelta(days=number))


def slice_of(window: Window) -> TimeSlice:
    """Return the slice of the table that ``window`` owns."""
    return TimeSlice("seen", window.start, window.end)


def partition(number: int, count: int, *, seed: int = 0) -> Partition:
    """Return ``count`` rows of a day; another seed gives other rows of the same kind."""
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng([seed, number])
    window = day(number)
    micros = int(window.start.timestamp()) * 1_000_000
    step = 86_400_000_000 // count
    at = micros + np.arange(count, dtype="int64") * step
    columns = {
        "id": pa.array(np.arange(count, dtype="int64") + number * 10_000_000),
        "seen": _moments(at),
        **_numbers(random, count),
        **_decimals(random, count),
        **_texts(random, count),
        "reported": _moments(at - random.integers(0, 10**9, count), random.random(count) < 0.05),
        "day": pa.array((at // 86_400_000_000).astype("int32"), pa.date32()),
        "late": pa.array(random.random(count) < 0.3),
        "returned": pa.array(random.random(count) < 0.5, mask=random.random(count) < 0.1),
    }
    return Partition(window, pa.table(columns))


def others(count: int) -> Iterator[Partition]:
    """Yield the days that share a table of a hundred with day 1, each of ``count`` rows."""
    yield from (partition(number, count) for number in range(100) if number != 1)


def again(before: Partition, round_number: int) -> Partition:
    """Return the same rows with one number of each changed, so that no content repeats."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = before.rows.schema.get_field_index("id")
    ids = pc.add(before.rows["id"], pa.scalar(round_number * _ROUND, pa.int64()))
    return Partition(before.window, before.rows.set_column(place, "id", ids))


def select_again(before: Partition, round_number: int) -> str:
    """Return the SELECT that gives the rows of :func:`again` from the source table."""
    names = ", ".join(f'"{name}"' for name in before.rows.column_names if name != "id")
    return f"SELECT id + {round_number * _ROUND} AS id, {names} FROM bench.source"


def _moments(micros: Any, mask: Any = None) -> Any:
    import pyarrow as pa

    return pa.array(micros, pa.int64(), mask=mask).cast(pa.timestamp("us", tz="UTC"))


def _numbers(random: Any, count: int) -> dict[str, Any]:
    import pyarrow as pa

    nulls = random.random(count) < 0.1
    return {
        "flights": pa.array(random.integers(0, 400, count).astype("int32")),
        "delay": pa.array(random.integers(-60, 900, count).astype("int32"), mask=nulls),
        "gate": pa.array(random.integers(0, 99, count).astype("int16")),
        "ratio": pa.array(random.random(count)),
        "speed": pa.array(random.normal(400, 50, count), mask=nulls),
        "visib": pa.array(random.random(count).astype("float32")),
        "precip": pa.array(random.exponential(1.0, count), mask=random.random(count) < 0.2),
    }


def _decimals(random: Any, count: int) -> dict[str, Any]:
    cents = random.integers(0, 10**7, count)
    return {
        "price": _decimal(cents, 12, 2),
        "tax": _decimal(cents * 19, 18, 4),
    }


def _decimal(unscaled: Any, precision: int, scale: int) -> Any:
    """Return whole numbers as decimals: 128 bits each, of which the upper half is zero."""
    import numpy as np
    import pyarrow as pa

    halves = np.zeros((len(unscaled), 2), dtype="int64")
    halves[:, 0] = unscaled
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, len(unscaled), [None, pa.py_buffer(halves.tobytes())])


def _texts(random: Any, count: int) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    carriers = pa.array(["AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN"])
    places = pa.array([f"{a}{b}{c}" for a in "ABCDEF" for b in "AEIOU" for c in "KLMNRST"])
    numbers = pa.array(random.integers(0, 10**9, count))
    tails = pc.binary_join_element_wise("N", numbers.cast(pa.string()), "")
    missing = pa.array(random.random(count) < 0.15)
    remarks = pc.binary_join_element_wise("held at gate", numbers.cast(pa.string()), " ")
    return {
        "carrier": carriers.take(pa.array(random.integers(0, 8, count))),
        "origin": places.take(pa.array(random.integers(0, 3, count))),
        "dest": places.take(pa.array(random.integers(0, len(places), count))),
        "tailnum": tails,
        "remark": pc.if_else(missing, pa.scalar(None, pa.string()), remarks),
    }
