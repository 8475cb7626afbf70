"""Rows on their way into MySQL, as text: column by column in Arrow, with no Python for a row."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_NULL_IN_A_FILE, _NULL_IN_SQL = b"\\N", b"NULL"
# From year 1 to year 9999, in days and in seconds since 1970; before it MySQL has no calendar.
_DAYS = (-719_162, 2_932_896)
_SECONDS = (-62_135_596_800, 253_402_300_799)
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def lines(batch: pa.RecordBatch) -> bytes:
    r"""
    Return rows as LOAD DATA reads them: tabs between values, a line for a row, NULL as ``\N``.

    :raises DataError: for a value that MySQL cannot keep.
    """
    columns = [_escaped(column) for column in _texts(batch)]
    return _joined(columns, b"\t", _NULL_IN_A_FILE, b"", b"\n")


def tuples(batch: pa.RecordBatch) -> bytes:
    """
    Return rows as they stand after VALUES; text is between quotes, in which only quotes count.

    :raises DataError: for a value that MySQL cannot keep.
    """
    columns = [_quoted(column) for column in _texts(batch)]
    return _joined(columns, b",", _NULL_IN_SQL, b"(", b"),")[:-1]


def _joined(columns: list[Any], between: bytes, null: bytes, before: bytes, after: bytes) -> bytes:
    import pyarrow.compute as pc

    filled = [column.fill_null(null) for column in columns]
    rows = pc.binary_join_element_wise(*filled, between)
    whole = pc.binary_join_element_wise(before, rows, after, b"")
    # What a function returns begins at the beginning of its buffers, which may be longer.
    _, _, data = whole.buffers()
    size = pc.sum(pc.binary_length(whole), min_count=0).as_py()
    return data.slice(0, size).to_pybytes() if size else b""


def _texts(batch: pa.RecordBatch) -> Iterator[pa.Array]:
    """Yield each column as text (numbers and times, too), or as bytes."""
    import pyarrow as pa

    for field, column in zip(batch.schema, batch.columns, strict=True):
        text = _text(field.name, column)
        yield text if pa.types.is_binary(text.type) else text.cast(pa.string())


def _text(name: str, column: pa.Array) -> pa.Array:
    from pyarrow import types

    conversions: list[tuple[Callable[[Any], bool], Callable[[str, Any], Any]]] = [
        (types.is_boolean, _flags),
        (types.is_floating, _numbers),
        (types.is_date, _days),
        (types.is_timestamp, _moments),
        (types.is_list, _lists),
    ]
    for holds, convert in conversions:
        if holds(column.type):
            return convert(name, column)
    return column


def _flags(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.cast(pa.int8())


def _numbers(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.float64())
    odd = column.filter(pc.invert(pc.is_finite(column)))
    if len(odd):
        shown = "NaN" if math.isnan(odd[0].as_py()) else str(odd[0])
        raise DataError(_refused(name, shown, "it has no such number"))
    return column


def _days(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    days = column.cast(pa.date32())
    _within(name, days.view(pa.int32()), _DAYS)
    return days


def _moments(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    unit = _A_SECOND[column.type.unit]
    first, last = _SECONDS
    _within(name, column.view(pa.int64()), (first * unit, (last + 1) * unit - 1))
    return column.cast(pa.timestamp(column.type.unit))


def _within(name: str, numbers: pa.Array, limits: tuple[int, int]) -> None:
    import pyarrow.compute as pc

    found = pc.min_max(numbers).as_py()
    if found["min"] is not None and (found["min"] < limits[0] or found["max"] > limits[1]):
        raise DataError(_refused(name, "a time", "it lies outside the years 1 to 9999"))


def _lists(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    values = column.to_pylist()
    try:
        texts = [None if v is None else json.dumps(v, allow_nan=False) for v in values]
    except ValueError as error:
        raise DataError(_refused(name, "NaN or infinity", "JSON has no such number")) from error
    return pa.array(texts, pa.string())


def _refused(name: str, value: str, why: str) -> str:
    return (
        f"Column {name!r} holds {value}, which MySQL cannot keep: {why}. Nothing was written. "
        "Convert it in the step, or use another store."
    )


def _escaped(column: pa.Array) -> pa.Array:
    """Return a column with a backslash before what LOAD DATA takes for its own."""
    for plain, escaped in ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n")):
        column = _replaced(column, plain, escaped)
    return column


def _quoted(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_binary(column.type):
        hexed = [
            None if v is None else b"x'" + v.hex().encode() + b"'" for v in column.to_pylist()
        ]
        return pa.array(hexed, pa.binary())
    return pc.binary_join_element_wise(b"'", _replaced(column, b"'", b"''"), b"'", b"")


def _replaced(column: pa.Array, plain: bytes, new: bytes) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.binary())
    data = column.buffers()[2]
    if data is None or plain not in data.to_pybytes():
        return column
    return pc.replace_substring(column, plain, new)
