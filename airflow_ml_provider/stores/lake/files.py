"""Data files of a lake: what each one is known to hold, and so what a slice has to do with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.table import KeySlice, Slice

if TYPE_CHECKING:
    import pyarrow.parquet as pq


# Formats that number their columns keep the number in the metadata of Arrow's, as Parquet does.
NUMBER = b"PARQUET:field_id"


@dataclass(frozen=True, slots=True)
class Bounds:
    """No value of a column is below ``low`` or above ``high``; ``nulls`` rows have none."""

    low: Any
    high: Any
    nulls: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """
    A Parquet file: its path below the table, its size, the bounds of columns where known.

    ``constants`` are columns that the file does not hold because all of its rows have one value;
    ``sha256`` is the checksum of its bytes, where the format keeps one.
    """

    path: str
    rows: int | None
    size: int
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    sha256: str | None = None


class Place(Enum):
    """Where the rows of a file lie, as far as its bounds tell."""

    INSIDE = "inside the slice"
    OUTSIDE = "outside of it"
    UNKNOWN = "perhaps in both"


def place_of(file: DataFile, owned: Slice) -> Place:
    """Return where the rows of a file lie."""
    if file.rows == 0:
        return Place.INSIDE
    bounds = file.bounds.get(owned.column, Bounds(None, None, 0))
    if isinstance(owned, KeySlice):
        return _around(bounds, owned.value)
    low, high = _moment(bounds.low), _moment(bounds.high)
    if low is None or high is None:
        return Place.UNKNOWN
    if high < owned.start or low >= owned.end:
        return Place.OUTSIDE
    whole = owned.start <= low and high < owned.end and not bounds.nulls
    return Place.INSIDE if whole else Place.UNKNOWN


def _around(bounds: Bounds, value: str) -> Place:
    low, high = bounds.low, bounds.high
    if not isinstance(low, str) or not isinstance(high, str):
        return Place.UNKNOWN
    if not low <= value <= high:
        return Place.OUTSIDE
    return Place.INSIDE if low == high and not bounds.nulls else Place.UNKNOWN


def counted(files: Iterable[DataFile], owned: Slice) -> tuple[int, list[DataFile]]:
    """Return how many rows of a slice are known without a look, and the files that need one."""
    rows, unknown = 0, []
    for file in files:
        place = place_of(file, owned)
        if place is Place.UNKNOWN or (place is Place.INSIDE and file.rows is None):
            unknown.append(file)
        elif place is Place.INSIDE:
            rows += file.rows or 0
    return rows, unknown


def newest(files: Iterable[DataFile], column: str) -> datetime | None:
    """Return a moment that the newest value of a column is not after; None when nobody knows."""
    found = []
    for file in files:
        bounds = file.bounds.get(column, Bounds(None, None, 0))
        high = _moment(bounds.high)
        if high is not None:
            found.append(high)
        elif bounds.nulls != file.rows:
            return None
    return max(found, default=None)


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def bounds_of(footer: pq.FileMetaData) -> dict[str, Bounds]:
    """
    Return the bounds of the columns of a Parquet file, as its footer has them.

    Only of integers, texts, dates and times, which are in the same order everywhere; a NaN has no
    place in any.
    """
    found: dict[str, Bounds] = {}
    leaf = 0
    for column in footer.schema.to_arrow_schema():
        if ordered(column.type):
            found[column.name] = _bounds(footer, leaf)
        leaf += _leaves(column.type)
    return found


def _bounds(footer: pq.FileMetaData, leaf: int) -> Bounds:
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    facts = [group.column(leaf).statistics for group in groups if group.num_rows]
    nulls = sum(one.null_count for one in facts)
    with_values = [one for one in facts if one.num_values]
    if not all(one.has_min_max for one in with_values):  # a text of many thousand letters
        return Bounds(None, None, nulls)
    try:
        lows, highs = [one.min for one in with_values], [one.max for one in with_values]
    except (OverflowError, ValueError):  # a year that Python does not know
        return Bounds(None, None, nulls)
    return Bounds(min(lows, default=None), max(highs, default=None), nulls)


def _leaves(kind: Any) -> int:
    """Return how many columns a type takes in a Parquet file."""
    return sum(_leaves(kind.field(part).type) for part in range(kind.num_fields)) or 1


def ordered(kind: Any) -> bool:
    """Whether values of an Arrow type are in the same order everywhere."""
    from pyarrow import types

    tests = (types.is_integer, types.is_string, types.is_date, types.is_timestamp)
    return any(test(kind) for test in tests)
