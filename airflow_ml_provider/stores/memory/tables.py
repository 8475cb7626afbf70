"""Tables in memory: a slice of one, the hash of its content, what checks count in it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.check import Expectations, measures
from airflow_ml_provider.domain.errors import QueryError, SchemaMismatchError
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.table import KeySlice, Slice

if TYPE_CHECKING:
    import pyarrow as pa

_MODULUS = 2**128


def require(rows: pa.Table, *names: str) -> None:
    """
    Return when the columns are there.

    :raises QueryError: naming those that are not.
    """
    absent = [name for name in names if name not in rows.column_names]
    if absent:
        msg = f"There is no column {', '.join(absent)}; there are {rows.column_names}."
        raise QueryError(msg)


def inside(rows: pa.Table, owned: Slice) -> Any:
    """Return which rows lie in a slice; times without a zone count as UTC."""
    import pyarrow.compute as pc

    require(rows, owned.column)
    column = rows.column(owned.column)
    if isinstance(owned, KeySlice):
        return pc.fill_null(pc.equal(column, owned.value), False)
    moments = _moments(column, owned.column)
    begun = pc.greater_equal(moments, owned.start)
    return pc.fill_null(pc.and_(begun, pc.less(moments, owned.end)), False)


def newest(rows: pa.Table, time: str) -> Any:
    """Return the newest event time of a table, in UTC, or None."""
    import pyarrow.compute as pc

    return pc.max(_moments(rows.column(time), time)).as_py()


def _moments(column: Any, name: str) -> Any:
    import pyarrow as pa

    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        msg = f"Column {name!r} is of type {column.type}, which is no time."
        raise SchemaMismatchError(msg)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    return column.cast(pa.timestamp("us", "UTC"), safe=False)


def plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema with text and bytes for views of them, which few of Arrow's functions take."""
    import pyarrow as pa

    instead = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return pa.schema([field.with_type(instead.get(field.type, field.type)) for field in schema])


def content_hash(rows: pa.Table) -> str:
    """Return a sum of hashes of rows: blind to their order, not to duplicates."""
    names = sorted(rows.column_names)
    total = 0
    for row in rows.select(names).to_pylist():
        text = repr([row[name] for name in names]).encode()
        total += int.from_bytes(hashlib.blake2b(text, digest_size=16).digest())
    return f"memory1:{rows.num_rows}:{total % _MODULUS:032x}"


def schema_hash(rows: pa.Table) -> str:
    """Return a fingerprint of names and types, blind to the order of columns."""
    return fingerprint(sorted((field.name, str(field.type)) for field in rows.schema))


def of_old(rows: pa.Table, *former: str | None) -> pa.Table:
    """Return rows without the columns that came after ``former`` ones and hold only NULL."""
    for count in range(rows.num_columns, 0, -1):
        known = rows.select(rows.column_names[:count])
        if schema_hash(known) in former:
            later = rows.columns[count:]
            return rows if any(column.null_count < len(column) for column in later) else known
    return rows


def counts(rows: pa.Table, expectations: Expectations) -> Mapping[str, int]:
    """
    Measure what ``expectations`` ask for.

    :raises QueryError: for a column that is not there.
    """
    found = {"rows": rows.num_rows}
    for name, kind, arguments in measures(expectations):
        columns = arguments if kind == "duplicates" else arguments[:1]
        require(rows, *map(str, columns))
        found[name] = _count(rows, kind, arguments)
    return found


def _count(rows: pa.Table, kind: str, arguments: tuple[Any, ...]) -> int:
    if kind == "duplicates":
        keys = Counter(zip(*(_values(rows, name) for name in arguments), strict=True))
        return sum(number - 1 for number in keys.values())
    column, *bounds = arguments
    values = _values(rows, column)
    if kind == "nulls":
        return sum(value is None for value in values)
    present = [value for value in values if value is not None]
    if kind == "unaccepted":
        return sum(_text(value) not in bounds for value in present)
    return sum(_outside(value, *bounds) for value in present)


def _values(rows: pa.Table, column: str) -> list[Any]:
    values: list[Any] = rows.column(column).to_pylist()
    return values


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _outside(value: Any, low: Any, high: Any) -> bool:
    # As in SQL, NaN is greater than every number.
    if value != value:  # noqa: PLR0124
        return high is not None
    return (low is not None and value < low) or (high is not None and value > high)
