"""A table: its name, its columns, and the slice of it that one partition owns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from airflow_ml_provider.domain.errors import ConfigurationError, SchemaMismatchError


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, with its schema when it has one; always quoted when it meets SQL."""

    schema: str | None
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """
        Read ``schema.name`` or ``name``.

        :raises ConfigurationError: when a part is empty or there are more than two.
        """
        parts = text.split(".")
        if len(parts) > 2 or not all(part.strip() for part in parts):  # noqa: PLR2004
            msg = f"{text!r} is not a table name. Write 'table' or 'schema.table'."
            raise ConfigurationError(msg)
        return cls(parts[0] if len(parts) > 1 else None, parts[-1])

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class TimeSlice:
    """The rows whose ``column`` (event time) lies in ``[start, end)``."""

    column: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class KeySlice:
    """The rows whose ``column`` equals ``value``."""

    column: str
    value: str


Slice = TimeSlice | KeySlice


def matched_columns(target: Iterable[str], given: Iterable[str], *, table: str) -> tuple[str, ...]:
    """
    Return the columns of ``given`` in the order in which they are to be inserted.

    Every column of the target must be there and no other: a missing one would turn into NULL in
    silence.

    :raises SchemaMismatchError: naming every missing and every unknown column.
    """
    expected, received = tuple(target), tuple(given)
    missing = [column for column in expected if column not in received]
    unknown = [column for column in received if column not in expected]
    twice = sorted({column for column in received if received.count(column) > 1})
    if not (missing or unknown or twice):
        return received
    faults = [f"column {column!r} is missing" for column in missing]
    faults += [f"column {column!r} is unknown{_suggest(column, missing)}" for column in unknown]
    faults += [f"column {column!r} comes twice" for column in twice]
    msg = (
        f"The rows do not fit table {table}: {'; '.join(faults)}. Nothing was written. Return "
        f"exactly {list(expected)}, or give the changed result a table of its own."
    )
    raise SchemaMismatchError(msg)


def _suggest(column: str, candidates: list[str]) -> str:
    close = get_close_matches(column, candidates, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
