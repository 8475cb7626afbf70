"""An answer: what a user's function gave back, as the step needs it, or a clear refusal."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.domain.ports import ArrowStream
from airflow_ml_provider.steps.function import suggestion


@dataclass(frozen=True, slots=True)
class Rows:
    """
    Rows on their way to a store, and what broke them.

    An exception inside a stream reaches the store as Arrow's own, which has lost its kind: the
    first entry of ``trouble`` is the one that the user's generator raised.
    """

    stream: ArrowStream
    trouble: list[Exception] = field(default_factory=list)


def rows(reference: str, answer: Any, required: Sequence[str]) -> Rows:
    """
    Return the rows that a feature function gave, as one Arrow stream.

    :raises FunctionError: when they are no Arrow data, or a required column is missing.
    """
    import pyarrow as pa

    trouble: list[Exception] = []
    if isinstance(answer, Iterator) and not hasattr(answer, "__arrow_c_stream__"):
        reader = _joined(reference, answer, trouble)
    elif hasattr(answer, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(answer)
    else:
        raise FunctionError(_no_table(reference, answer))
    _require(reference, reader.schema.names, required)
    return Rows(reader, trouble)


def table(reference: str, answer: Any, *, rows: int) -> Any:
    """
    Return a prediction as a pyarrow Table of as many rows as were asked for.

    :raises FunctionError: when it is no table, or has another number of rows.
    """
    import pyarrow as pa

    if not hasattr(answer, "__arrow_c_stream__"):
        raise FunctionError(_no_table(reference, answer))
    given = pa.table(answer)
    if given.num_rows != rows:
        msg = (
            f"{reference!r} returned {given.num_rows:,} rows for a batch of {rows:,}. "
            "Return one row a row of the batch, in its order."
        )
        raise FunctionError(msg)
    return given


def fitted(reference: str, answer: Any) -> tuple[Any, dict[str, float]]:
    """
    Return the model and its metrics as a training function gave them.

    :raises FunctionError: when the answer is not (model, metrics).
    """
    if not isinstance(answer, tuple) or len(answer) != 2:  # noqa: PLR2004
        msg = (
            f"{reference!r} returned {_kind(answer)}. Return (model, metrics), where metrics is a "
            "dict of numbers and may be empty."
        )
        raise FunctionError(msg)
    return answer[0], metrics(reference, answer[1])


def metrics(reference: str, answer: Any) -> dict[str, float]:
    """
    Return metrics as plain floats.

    :raises FunctionError: when they are no mapping of names to numbers.
    """
    if not isinstance(answer, Mapping):
        msg = f"{reference!r} returned {_kind(answer)} as metrics. Return a dict of numbers."
        raise FunctionError(msg)
    for name, value in answer.items():
        if not isinstance(value, numbers.Real):
            msg = f"{reference!r}: metric {name!r} is {_kind(value)}, and must be a number."
            raise FunctionError(msg)
    return {str(name): float(value) for name, value in answer.items()}


def _joined(reference: str, batches: Iterator[Any], trouble: list[Exception]) -> Any:
    import pyarrow as pa

    streams = (_stream(reference, batch) for batch in batches)
    first = next(streams, None)
    if first is None:
        msg = (
            f"{reference!r} yielded nothing, so the columns are not known. "
            "Yield at least one table; it may have no rows."
        )
        raise FunctionError(msg)

    def told() -> Iterator[Any]:
        try:
            yield from first
            for stream in streams:
                yield from (batch.cast(first.schema) for batch in stream)
        except Exception as error:
            trouble.append(error)
            raise

    return pa.RecordBatchReader.from_batches(first.schema, told())


def _stream(reference: str, batch: Any) -> Any:
    import pyarrow as pa

    if not hasattr(batch, "__arrow_c_stream__"):
        raise FunctionError(_no_table(reference, batch))
    return pa.RecordBatchReader.from_stream(batch)


def _require(reference: str, given: Sequence[str], required: Sequence[str]) -> None:
    missing = [column for column in required if column not in given]
    if missing:
        msg = (
            f"{reference!r} returned the columns {list(given)}, and column {missing[0]!r} is "
            f"missing: the entity and the event time ({', '.join(required)}) must be there."
            f"{suggestion(missing[0], given)}"
        )
        raise FunctionError(msg)


def _no_table(reference: str, answer: Any) -> str:
    return (
        f"{reference!r} returned {_kind(answer)}. Return an Arrow-compatible table: pyarrow, "
        "pandas, polars or DuckDB, or a generator of such tables."
    )


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
