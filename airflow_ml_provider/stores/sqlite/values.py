"""Values on their way into SQLite and back: each kept so that it comes back the same, or refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import DataError, SchemaMismatchError

if TYPE_CHECKING:
    import pyarrow as pa

# Moments are text in UTC: seconds, then microseconds where there are some. It sorts, it is what
# SQLite's own datetime() gives, and its functions read it.
_MOMENT = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?$"
_DAY = r"^\d{4}-\d\d-\d\d$"
_UTC = r"(Z|\+00:00)$"
_WHOLE_SECOND = r"\.000000$"
# From year 1 to year 9999, in days and in microseconds since 1970.
_DAYS = (-719_162, 2_932_896)
_MICROSECONDS = (-62_135_596_800_000_000, 253_402_300_799_999_999)
_DIGITS_OF_A_DOUBLE = 15
_LARGEST = 2**63 - 1


def bindable(value: object) -> object:
    """
    Return one value as SQLite keeps it.

    :raises DataError: for what it cannot hold.
    """
    match value:
        case bool():
            return int(value)
        case float() if math.isnan(value):
            msg = "NaN cannot be compared with what SQLite keeps: it would be NULL."
            raise DataError(msg)
        case Decimal():
            return float(value)
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return moment.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value // timedelta(microseconds=1)
    return value


def stored(name: str, column: pa.Array) -> pa.Array:
    """
    Return a column as integers, doubles, text or bytes.

    :raises DataError: for a value that would come back as another one.
    """
    from pyarrow import types

    for holds, convert in (
        (types.is_boolean, _flags),
        (types.is_uint64, _whole),
        (types.is_floating, _doubles),
        (types.is_decimal, _decimals),
        (types.is_date, _days),
        (types.is_timestamp, _moments),
        (types.is_time, _times),
        (types.is_duration, _spans),
        (types.is_list, _lists),
    ):
        if holds(column.type):
            return convert(name, column)
    return column


def _flags(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.cast(pa.int8())


def _whole(name: str, column: pa.Array) -> pa.Array:
    return _within(name, column, (0, _LARGEST), "SQLite's integers end at 2**63 - 1")


def _doubles(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.is_nan(column)).as_py():
        raise DataError(_refused(name, "NaN", "SQLite would keep NULL instead"))
    return column.cast(pa.float64())


def _decimals(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    doubles = _widened(column)
    if column.type.precision > _DIGITS_OF_A_DOUBLE:
        try:
            lost = column.filter(pc.not_equal(doubles.cast(column.type), column))
        except pa.ArrowInvalid:
            lost = column
        if len(lost):
            why = "SQLite keeps decimals as doubles, which have too few digits"
            raise DataError(_refused(name, str(lost[0]), why))
    return doubles


def _widened(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    # By way of text: Arrow's own cast of a decimal may give a double beside the nearest one.
    decimal = pa.types.is_decimal(column.type)
    return (column.cast(pa.string()) if decimal else column).cast(pa.float64())


def _days(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    _within(name, column.view(pa.int32()), _DAYS, "it lies outside the years 1 to 9999")
    return column.cast(pa.string())


def _moments(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    _within(name, column.view(pa.int64()), _MICROSECONDS, "it lies outside the years 1 to 9999")
    text = column.cast(pa.timestamp("us")).cast(pa.string())
    return pc.replace_substring_regex(text, _WHOLE_SECOND, "")


def _times(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.cast(pa.string())


def _spans(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.view(pa.int64())


def _lists(name: str, column: pa.Array) -> pa.Array:
    import pyarrow as pa

    values = column.to_pylist()
    try:
        texts = [None if v is None else json.dumps(v, allow_nan=False) for v in values]
    except ValueError as error:
        raise DataError(_refused(name, "NaN or infinity", "JSON has no such number")) from error
    return pa.array(texts, pa.string())


def _within(name: str, column: pa.Array, limits: tuple[int, int], why: str) -> pa.Array:
    import pyarrow.compute as pc

    found = pc.min_max(column).as_py()
    lowest, highest = limits
    if found["min"] is not None and (found["min"] < lowest or found["max"] > highest):
        example = found["min"] if found["min"] < lowest else found["max"]
        raise DataError(_refused(name, str(example), why))
    return column


def _refused(name: str, value: str, why: str) -> str:
    return (
        f"Column {name!r} holds {value}, which SQLite cannot keep: {why}. Nothing was written. "
        "Convert it in the step, or use another store."
    )


# Arrow's errors are subclasses of these.
_UNREADABLE = (ValueError, TypeError, NotImplementedError)


def read(name: str, values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """
    Return what rests in a column as the type that its declaration means.

    :raises DataError: for a value that is none of that type: SQLite lets anybody write anything.
    """
    try:
        return _read(values, kind)
    except _UNREADABLE as error:
        msg = (
            f"Column {name!r} holds a value that is no {kind}, as which it was declared: {error}. "
            "Mend the table, or name another column."
        )
        raise DataError(msg) from error


def _read(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    from pyarrow import types

    if types.is_time(kind) or types.is_list(kind):
        parsed = time.fromisoformat if types.is_time(kind) else json.loads
        return pa.array([None if value is None else parsed(value) for value in values], kind)
    found = pa.array(values)  # without a type: with one, Arrow cuts doubles down to integers
    _require_kept_as(kind, found.type)
    if types.is_timestamp(kind):
        return _parsed(found.cast(pa.string())).cast(kind)
    if types.is_boolean(kind) or types.is_duration(kind):
        numbers = found.cast(pa.int64())
        return _of_two(numbers) if types.is_boolean(kind) else numbers.cast(kind)
    if types.is_float32(kind) or types.is_decimal(kind):
        return _narrowed(found.cast(pa.float64()), kind)
    return found.cast(kind)


def _require_kept_as(kind: pa.DataType, found: pa.DataType) -> None:
    """Return when values of a type rest as text, bytes or numbers, as they should."""
    from pyarrow import types

    textual = types.is_string(kind) or types.is_timestamp(kind) or types.is_date(kind)
    kept = types.is_string(found) == textual and types.is_binary(found) == types.is_binary(kind)
    if not kept and not types.is_null(found):
        msg = f"it is of type {found}"
        raise ValueError(msg)


def _parsed(text: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return text.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        # Others write the zone behind the time, which is UTC too.
        return pc.replace_substring_regex(text, _UTC, "").cast(pa.timestamp("us"))


def _of_two(numbers: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    flags = numbers.cast(pa.bool_())
    if pc.any(pc.not_equal(flags.cast(pa.int64()), numbers)).as_py():
        msg = "it is neither 0 nor 1"
        raise ValueError(msg)
    return flags


def _narrowed(doubles: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow.compute as pc

    narrow = doubles.cast(kind)
    if pc.any(pc.not_equal(_widened(narrow), doubles)).as_py():
        msg = "it has more digits"
        raise ValueError(msg)
    return narrow


def hashable(column: pa.Array, kept: pa.Array) -> list[pa.Array]:
    """Return what is hashed of a column that is ``kept`` so: moments and days are numbers."""
    from pyarrow import types

    return [column if types.is_timestamp(column.type) or types.is_date(column.type) else kept]


def hashable_again(name: str, values: Sequence[Any], kind: pa.DataType | None) -> list[pa.Array]:
    """Return the same of values that are read from a column, whatever rests in it."""
    import pyarrow as pa
    from pyarrow import types

    if kind is not None and types.is_list(kind):
        return [stored(name, read(name, values, kind))]
    parts = _by_kind(values)
    timed = kind is not None and (types.is_timestamp(kind) or types.is_date(kind))
    if not timed:
        return parts
    form, plain = (_DAY, pa.date32()) if types.is_date(kind) else (_MOMENT, pa.timestamp("us"))
    texts = [part for part in parts if types.is_string(part.type)]
    return [*(_where(text, form).cast(plain) for text in texts), *parts]


def _by_kind(values: Sequence[object]) -> list[pa.Array]:
    """Return an array of the integers among values, one of the doubles, and so on."""
    import pyarrow as pa
    from pyarrow import types

    with suppress(pa.ArrowInvalid, pa.ArrowTypeError):
        found = pa.array(values)
        # Arrow takes integers among doubles for doubles, and text among bytes for bytes.
        if not (types.is_floating(found.type) or types.is_binary(found.type)):
            return [found]
    kinds = sorted(set(map(type, values)) - {type(None)}, key=str)
    if len(kinds) == 1:
        return [pa.array(values)]
    return [pa.array([v if type(v) is kind else None for v in values]) for kind in kinds]


def _where(text: pa.Array, form: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.match_substring_regex(text, form), text, pa.scalar(None, pa.string()))


def fitting(name: str, values: Sequence[object], kind: pa.DataType) -> list[pa.Array]:
    """
    Return what is hashed of new values, which must be what this package would have written.

    :raises SchemaMismatchError: with an example of one that is not.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    try:
        column = _read(values, kind)
        kept = stored(name, column)
        other = pc.not_equal(pa.array(values).cast(kept.type), kept)
    except _UNREADABLE as error:
        raise SchemaMismatchError(_misfit(name, kind, str(error))) from error
    if not types.is_list(kind) and pc.any(other).as_py():
        example = values[pc.index(other, True).as_py()]
        raise SchemaMismatchError(_misfit(name, kind, f"it gives {example!r}"))
    return hashable(column, kept)


def _misfit(name: str, kind: pa.DataType, reason: str) -> str:
    return (
        f"The SELECT does not give column {name!r} as the table has it, {kind}: {reason}. Nothing "
        "was written. Convert it in the SELECT, or give the changed result a table of its own."
    )
