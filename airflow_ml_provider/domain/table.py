"""A table: its name, its columns, and the slice of it that one partition owns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_ml_provider.domain.errors import ConfigurationError


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
