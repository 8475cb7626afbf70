"""Arrow streams on their way into a table: opened, fitted to its types, and watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import (
    FunctionError,
    SchemaMismatchError,
)
from airflow_ml_provider.domain.table import Slice, TableName, TimeSlice
from airflow_ml_provider.stores.extras import needed

if TYPE_CHECKING:
    import pyarrow as pa


def opened(rows: Any) -> pa.RecordBatchReader:
    """
    Return ``rows`` as a stream of record batches.

    :raises FunctionError: when they are no table.
    """
    with needed("pyarrow", "duckdb", "Writing tables"):
        import pyarrow as pa
    if isinstance(rows, pa.RecordBatchReader):
        return rows
    if not hasattr(rows, "__arrow_c_stream__"):
        msg = (
            f"{type(rows).__name__} is not a table. Return one that speaks Arrow: a pyarrow "
            "Table or RecordBatchReader, or a pandas, polars or DuckDB frame."
        )
        raise FunctionError(msg)
    return pa.RecordBatchReader.from_stream(rows)


def in_pieces(rows: pa.RecordBatchReader, most_bytes: int) -> pa.RecordBatchReader:
    """Return the stream in batches of about ``most_bytes`` at most, each of one row at least."""
    import pyarrow as pa

    def pieces() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            size = max(most_bytes * batch.num_rows // max(batch.nbytes, 1), 1)
            for start in range(0, batch.num_rows, size):
                yield batch.slice(start, size)

    return pa.RecordBatchReader.from_batches(rows.schema, pieces())


def in_blocks(
    rows: pa.RecordBatchReader, block_rows: int, most_bytes: int
) -> pa.RecordBatchReader:
    """Return the stream in batches of ``block_rows``, of fewer at its end or where rows are large."""
    import pyarrow as pa

    def blocks() -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        count = size = 0

        def joined() -> list[pa.RecordBatch]:
            table = pa.Table.from_batches(held, rows.schema).combine_chunks()
            return list(table.to_batches(max_chunksize=block_rows))

        for batch in rows:
            held.append(batch)
            count, size = count + batch.num_rows, size + batch.nbytes
            if count < block_rows and size < most_bytes:
                continue
            whole = joined()
            # What is short of a block waits for the next rows.
            held = [whole.pop()] if count > block_rows and count % block_rows else []
            yield from whole
            count, size = sum(one.num_rows for one in held), sum(one.nbytes for one in held)
        yield from joined()

    return pa.RecordBatchReader.from_batches(rows.schema, blocks())


def told_of(
    rows: pa.RecordBatchReader, most_bytes: int, tell: Callable[[float], None]
) -> pa.RecordBatchReader:
    """
    Return the stream.

    For each batch beyond the first ``most_bytes``, ``tell`` is given the bytes of a row.
    """
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        size = count = 0
        for batch in rows:
            size, count = size + batch.nbytes, count + batch.num_rows
            if size > most_bytes:
                tell(size / count)
            yield batch

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


class Inflow:
    """
    Rows on their way into a partition.

    They come as ``target`` (names, order and types of the table) asks. Watches the slice column,
    so that rows outside can be named, and keeps the error of a producer that breaks off, since
    drivers turn it into text.
    """

    def __init__(self, source: pa.RecordBatchReader, target: pa.Schema, owned: Slice) -> None:
        self.rows = 0
        self.schema = target
        self.error: BaseException | None = None
        self._source = source
        self._owned = owned
        self._edges: list[Any] = []
        self._missing = 0

    def reader(self) -> pa.RecordBatchReader:
        """Return the stream; it can be read once."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def table(self) -> pa.Table:
        """Read the whole stream."""
        import pyarrow as pa

        return pa.Table.from_batches(self._batches(), self.schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._source:
                fitted = self._fit(batch)
                self._watch(fitted)
                self.rows += fitted.num_rows
                yield fitted
        except BaseException as error:
            self.error = error
            raise

    def _fit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        if batch.schema.equals(self.schema):
            return batch
        arrays = [
            _required(_cast(batch.column(field.name), field), field) for field in self.schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _watch(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = batch.column(self._owned.column)
        self._missing += column.null_count
        try:
            edges = pc.min_max(column).as_py()
        except (pa.ArrowNotImplementedError, ValueError):
            return
        self._edges += [edge for edge in edges.values() if edge is not None]

    def strays(self) -> list[object]:
        """Return values with which rows fall outside the slice."""
        missing = [None] if self._missing else []
        return [edge for edge in self._edges if not _belongs(edge, self._owned)] + missing


def outside(table: TableName, owned: Slice, count: int, rows: int, examples: list[Any]) -> str:
    """Return the sentence that refuses rows of another partition."""
    shown = f", for example {_shown(examples[0])}" if examples else ""
    return (
        f"{table}: {count:,} of {rows:,} rows lie outside the partition: column {owned.column!r} "
        f"must be {_bounds(owned)}{shown}. Nothing was written. Keep only the rows of the window "
        "that the step is given."
    )


def _shown(value: object) -> str:
    if value is None:
        return "NULL"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else repr(value)


def _bounds(owned: Slice) -> str:
    if isinstance(owned, TimeSlice):
        return f"in [{owned.start:%Y-%m-%d %H:%M}, {owned.end:%Y-%m-%d %H:%M}) UTC"
    return repr(owned.value)


def _belongs(value: Any, owned: Slice) -> bool:
    if not isinstance(owned, TimeSlice):
        return bool(value == owned.value)
    if not isinstance(value, datetime):
        if not hasattr(value, "year"):
            return False
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return bool(owned.start <= moment < owned.end)


def _cast(column: Any, field: pa.Field) -> Any:
    """
    Return ``column`` as the field's type, and never another value in silence.

    A time without a zone counts as UTC where the table has one, and the other way round.
    """
    import pyarrow as pa

    if column.type.equals(field.type):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        fitted = column.cast(field.type, safe=True)
    except pa.ArrowNotImplementedError as error:
        reason = f"{column.type} cannot become {field.type}"
        raise SchemaMismatchError(_misfit(field.name, reason)) from error
    except pa.ArrowInvalid as error:
        raise SchemaMismatchError(_misfit(field.name, str(error))) from error
    if not _comes_back(column, fitted):
        reason = f"a value of {column.type} would become another one of {field.type}"
        raise SchemaMismatchError(_misfit(field.name, reason))
    return fitted


def _required(column: Any, field: pa.Field) -> Any:
    """Return ``column``, which has a value in every row where the table asks for one."""
    if not field.nullable and column.null_count:
        raise SchemaMismatchError(_misfit(field.name, "it has to have a value in every row"))
    return column


def _comes_back(column: Any, fitted: Any) -> bool:
    """
    Whether ``fitted`` still says what ``column`` says.

    Arrow's safe casts still round doubles and decimals, and cut the time of day off.
    """
    import pyarrow as pa

    try:
        return _equal(column, fitted.cast(column.type))
    except pa.ArrowNotImplementedError:
        return bool(pa.types.is_null(column.type))
    except pa.ArrowInvalid:
        return False


def _equal(one: Any, other: Any) -> bool:
    """Whether two columns of one type hold equal values; here NaN equals NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if one.equals(other):
        return True
    if hasattr(one.type, "value_type"):
        return _equal(pc.list_flatten(one), pc.list_flatten(other))
    if pa.types.is_float16(one.type):  # of which Arrow cannot compare two
        one, other = one.cast(pa.float32()), other.cast(pa.float32())
    if not pa.types.is_floating(one.type):
        return False
    same = pc.or_(pc.equal(one, other), pc.and_(pc.is_nan(one), pc.is_nan(other)))
    return bool(pc.all(same, min_count=0).as_py())


def _misfit(name: str, reason: str) -> str:
    return (
        f"Column {name!r} does not fit the type of the table: {reason}. Nothing was written. "
        "Convert it in the step, or give the changed result a table of its own."
    )
