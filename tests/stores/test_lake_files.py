"""What is known of data files, and what follows from it for a slice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings, strategies as st

from airflow_ml_provider.domain.table import KeySlice, TimeSlice
from airflow_ml_provider.stores.lake.files import (
    Bounds,
    DataFile,
    Place,
    bounds_of,
    counted,
    newest,
    place_of,
)

BEGIN = datetime(2024, 1, 5, tzinfo=UTC)
MOMENTS = st.one_of(st.none(), st.integers(-3, 8).map(lambda n: BEGIN + timedelta(hours=n)))
KEYS = st.one_of(st.none(), st.sampled_from(["", "a", "k", "k1", "ä", "zz"]))
HOURS = st.integers(-3, 8).map(lambda n: BEGIN + timedelta(hours=n))


def holding(folder: Path, moments: list[datetime | None], keys: list[str | None]) -> DataFile:
    rows = pa.table(
        {
            "nested": [[{"x": 1}]] * len(moments),
            "ts": pa.array(moments, pa.timestamp("us", "UTC")),
            "key": pa.array(keys, pa.string()),
        }
    )
    pq.write_table(rows, folder / "file.parquet", row_group_size=2)
    return DataFile(
        "file.parquet", len(moments), 1, bounds_of(pq.read_metadata(folder / "file.parquet"))
    )


@given(rows=st.lists(st.tuples(MOMENTS, KEYS), max_size=6), edges=st.tuples(HOURS, HOURS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_bounds_never_say_more_than_the_rows(
    tmp_path: Path,
    rows: list[tuple[datetime | None, str | None]],
    edges: tuple[datetime, datetime],
) -> None:
    file = holding(tmp_path, [row[0] for row in rows], [row[1] for row in rows])
    begin, end = min(edges), max(edges) + timedelta(hours=1)
    inside = [moment is not None and begin <= moment < end for moment, _ in rows]
    allowed = {
        Place.INSIDE: all(inside),
        Place.OUTSIDE: not any(inside),
        Place.UNKNOWN: bool(rows),
    }
    assert allowed[place_of(file, TimeSlice("ts", begin, end))]
    known, unknown = counted([file], TimeSlice("ts", begin, end))
    assert known + sum(inside) * len(unknown) == sum(inside)
    for key in ("k", "k1", "nobody's"):
        equal = [value == key for _, value in rows]
        found = place_of(file, KeySlice("key", key))
        assert {Place.INSIDE: all(equal), Place.OUTSIDE: not any(equal)}.get(found, True)
    known = [moment for moment, _ in rows if moment is not None]
    assert newest([file], "ts") == max(known, default=None)


def test_a_file_of_one_partition_is_known_to_be_inside_without_a_look(tmp_path: Path) -> None:
    file = holding(tmp_path, [BEGIN, BEGIN + timedelta(hours=23, minutes=59)], ["k", "k"])
    day = TimeSlice("ts", BEGIN, BEGIN + timedelta(days=1))
    assert place_of(file, day) is Place.INSIDE
    assert place_of(file, KeySlice("key", "k")) is Place.INSIDE
    assert place_of(file, KeySlice("key", "j")) is Place.OUTSIDE
    assert place_of(file, TimeSlice("ts", day.end, day.end + timedelta(days=1))) is Place.OUTSIDE


def test_a_file_that_nobody_knows_must_be_looked_into() -> None:
    day = TimeSlice("ts", BEGIN, BEGIN + timedelta(days=1))
    assert place_of(DataFile("x", None, 1), day) is Place.UNKNOWN
    assert place_of(DataFile("x", 3, 1), day) is Place.UNKNOWN
    assert place_of(DataFile("x", 3, 1), KeySlice("key", "k")) is Place.UNKNOWN
    assert (
        newest([DataFile("x", 3, 1), DataFile("y", 1, 1, {"ts": Bounds(BEGIN, BEGIN, 0)})], "ts")
        is None
    )


def test_a_year_that_python_does_not_know_has_no_bounds(tmp_path: Path) -> None:
    far = pa.array([2**62], pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"ts": far}), tmp_path / "far.parquet")
    assert bounds_of(pq.read_metadata(tmp_path / "far.parquet"))["ts"] == Bounds(None, None, 0)


def test_a_text_without_end_has_no_bounds(tmp_path: Path) -> None:
    file = holding(tmp_path, [BEGIN, BEGIN], ["x" * 5_000, "k"])
    assert place_of(file, KeySlice("key", "k")) is Place.UNKNOWN
