"""An answer of MySQL's: the rows of a SELECT, with the types that its columns stand for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.stores.connection.statement import Statement, quoted, wrapped
from airflow_ml_provider.stores.mysql import link, types
from airflow_ml_provider.stores.mysql.text import ordered_within, spelled

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 16_384


def streamed(session: Any, statement: Statement) -> pa.RecordBatchReader:
    """
    Stream a SELECT over a session of its own, which is closed at the end.

    The session can write nothing, so that a statement that is no SELECT is refused.
    """
    import pyarrow as pa

    try:
        shape = session.shape(statement)
        kinds = {name: types.derived(kind) for name, kind in shape.items()}
        schema = pa.schema([(name, types.meant(kind)) for name, kind in kinds.items()])
        batches = _batches(session, _exact(statement, shape), schema)
        # The first is empty: it comes when the server has begun, with its snapshot.
        first = next(batches)
    except BaseException:
        session.close()
        raise
    return pa.RecordBatchReader.from_batches(schema, chain([first], batches))


def _exact(statement: Statement, shape: Mapping[str, types.Declared]) -> str:
    """Return a SELECT whose FLOATs come as DOUBLEs: the text of a FLOAT has six digits."""
    if not any(kind.type.startswith("float") for kind in shape.values()):
        return spelled(statement.text, statement.values)
    inner = Statement(ordered_within(statement.text), statement.values)
    columns = (
        f"{quoted(name)} + 0e0 AS {quoted(name)}"
        if kind.type.startswith("float")
        else quoted(name)
        for name, kind in shape.items()
    )
    return spelled(f"SELECT {', '.join(columns)} FROM {wrapped(inner)}", statement.values)


def _batches(session: Any, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        with session.told():
            link.asked(session.connection, "START TRANSACTION READ ONLY")
            for rows in link.streamed(session.connection, sql, _BATCH_ROWS):
                yield _batch(rows, schema)
    finally:
        session.close()


def _batch(rows: Sequence[Sequence[bytes | None]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else iter([()] * len(schema))
    arrays = [_read(field, values) for field, values in zip(schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _read(field: pa.Field, values: Any) -> pa.Array:
    """
    Return what the server has written of a column as the type that it stands for.

    :raises DataError: for a value that is none of that type.
    """
    import pyarrow as pa

    found = pa.array(values, pa.binary())
    try:
        return _parsed(found, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        msg = f"Column {field.name!r} holds a value that is no {field.type}: {error}."
        raise DataError(msg) from error


def _parsed(found: pa.Array, kind: pa.DataType) -> pa.Array:
    from pyarrow import types

    if types.is_binary(kind):
        return found
    text = found.cast("string")
    for holds, parse in (
        (types.is_boolean, _flags),
        (types.is_list, _lists),
        (types.is_time, _times),
        (types.is_timestamp, _moments),
        (types.is_float32, _floats),
    ):
        if holds(kind):
            return parse(text, kind)
    return text.cast(kind)


def _flags(text: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow.compute as pc

    return pc.not_equal(text.cast("int8"), 0)


def _lists(text: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if v is None else json.loads(v) for v in text.to_pylist()], kind)


def _times(text: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Arrow reads no time of day alone.
    moments = pc.binary_join_element_wise("1970-01-01", text, " ")
    return moments.cast(pa.timestamp("us")).cast(kind)


def _moments(text: pa.Array, kind: Any) -> pa.Array:
    import pyarrow as pa

    return text.cast(pa.timestamp(kind.unit)).cast(kind)


def _floats(text: pa.Array, kind: pa.DataType) -> pa.Array:
    return text.cast("float64").cast(kind)
