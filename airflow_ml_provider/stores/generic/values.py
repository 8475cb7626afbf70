"""Values between Arrow and the rows of a driver: each the same on both sides, or refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.stores.arrow.hash import RowHash
from airflow_ml_provider.stores.connection.session import Row, RowSums

if TYPE_CHECKING:
    import pyarrow as pa

Kinds = Mapping[str, "pa.DataType | None"]
# Arrow's errors are subclasses of these.
_UNREADABLE = (ValueError, TypeError, NotImplementedError, OverflowError)
_MICROSECOND = timedelta(microseconds=1)


def bindable(value: object, *, spans: bool) -> object:
    """Return one value as a driver binds it; ``spans``: those of time as microseconds."""
    return value // _MICROSECOND if spans and isinstance(value, timedelta) else value


def plain(row: Row) -> Row:
    """Return a row with its times in UTC and without a zone, days as their first moment."""
    return tuple(map(_in_utc, row))


def _in_utc(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else value  # noqa: DTZ001  as the ledger has them


def refuse_unkept(batch: pa.RecordBatch, engine: str, capabilities: Capabilities) -> None:
    """
    Return when the engine keeps every number of a batch.

    :raises DataError: for NaN or an infinity where it has none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_floating(column.type):
            continue
        doubles = column.cast(pa.float64())
        for kept, value, found in (
            (capabilities.nan, "NaN", pc.is_nan(doubles)),
            (capabilities.infinity, "inf", pc.is_inf(doubles)),
        ):
            if not kept and pc.any(found).as_py():
                msg = (
                    f"Column {name!r} holds {value}, which {engine} does not keep. Nothing was "
                    "written. Convert it in the step, or use another store."
                )
                raise DataError(msg)


def arrays(names: Sequence[str], rows: Sequence[Row], kinds: Kinds) -> list[pa.Array]:
    """
    Return the columns of rows from a driver, those of known kinds as these.

    :raises DataError: for a value that is not of its column's kind.
    """
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return [
        array(name, list(values), kinds.get(name))
        for name, values in zip(names, columns, strict=True)
    ]


def array(name: str, values: list[Any], kind: pa.DataType | None) -> pa.Array:
    """
    Return one column as ``kind``, or as its values are.

    :raises DataError: for a value that is not of that kind, or values of several.
    """
    import pyarrow as pa

    try:
        if kind is None:
            return _as_they_are(values)
        if pa.types.is_boolean(kind):
            values = [_FLAGS[value] for value in values]
        if pa.types.is_integer(kind) or pa.types.is_date(kind):
            return _uncut(pa.array(values), kind)
        return pa.array(map(_whole, values), kind)
    except (*_UNREADABLE, KeyError) as error:
        said = f"is no {kind}" if kind is not None else "is of another kind than those before it"
        msg = f"Column {name!r} holds a value that {said}: {error}. Cast it to one type."
        raise DataError(msg) from error


_FLAGS = {None: None, True: True, False: False}


def _uncut(found: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return whole numbers or days: given the type at once, Arrow would cut what is more."""
    import pyarrow as pa

    fitted = found.cast(kind)
    # Of what comes as a moment, Arrow's safe cast cuts the time of day off.
    if pa.types.is_timestamp(found.type) and not fitted.cast(found.type).equals(found):
        msg = "it is more than a day"
        raise ValueError(msg)
    return fitted


def _whole(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _as_they_are(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    values = [_simple(value) for value in values]
    first = next((value for value in values if value is not None), None)
    if isinstance(first, datetime) and first.tzinfo is not None:
        return pa.array(values, pa.timestamp("us", "UTC"))
    if isinstance(first, int | float) and not isinstance(first, bool):
        whole = all(value is None or isinstance(value, int) for value in values)
        return pa.array(values, pa.int64() if whole else pa.float64())
    return pa.array(values)


def _simple(value: Any) -> Any:
    """Return a value that Arrow has a type for: text for all others."""
    if value is None or isinstance(value, str | int | float | Decimal | date | list | timedelta):
        return value
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return value if isinstance(value, bytes) or hasattr(value, "microsecond") else str(value)


class Hashes:
    """The sums of rows, whole and column by column, so that a difference has a name."""

    def __init__(self) -> None:
        self._rows = RowHash()
        self._columns: dict[str, RowHash] = {}
        self._filled: set[str] = set()

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Add a batch of rows."""
        parts = {name: [_hashable(column)] for name, column in columns.items()}
        self._rows.add(parts)
        for name, part in parts.items():
            self._columns.setdefault(name, RowHash()).add({name: part})
        self._filled |= {
            name for name, column in columns.items() if column.null_count < len(column)
        }

    @property
    def sums(self) -> RowSums:
        """The sums of the whole rows."""
        return self._rows.sums

    def same(self, other: Hashes) -> bool:
        """Whether as many other rows hold the same; columns without a value may be left out."""
        if self._columns.keys() == other._columns.keys():
            return self.sums == other.sums
        return not self.differing(other)

    def differing(self, other: Hashes) -> list[str]:
        """Return the columns whose values differ from those of as many other rows."""
        return [
            name
            for name, rows in self._columns.items()
            if (
                rows.sums != other._columns[name].sums
                if name in other._columns
                else name in self._filled
            )
        ]


def _hashable(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_floating(column.type):
        # There are many NaNs, of which engines keep one.
        doubles = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(doubles), pa.scalar(math.nan), doubles)
    if types.is_decimal(column.type) or types.is_nested(column.type):
        texts = (None if value is None else _said(value) for value in column.to_pylist())
        return pa.array(texts, pa.string())
    return column


def _said(value: Any) -> str:
    if not isinstance(value, Decimal):
        return repr(value)
    # With how many zeros a decimal is written is not part of its value.
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pieces(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most so many rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
