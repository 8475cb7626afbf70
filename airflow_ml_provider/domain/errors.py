"""
Everything that can go wrong, and what kind of wrong it is.

MLProviderError
├── ConfigurationError        the installation or the YAML is wrong; no retry helps
│   ├── MissingExtraError     an optional library is not installed
│   └── UnknownConnectionError  a connection id that Airflow does not know
├── CodeError                 the user's code or SQL is wrong
│   ├── FunctionError         a function cannot be imported or returned something else
│   └── QueryError            the database refused the SQL
├── DataError                 the data is wrong; running again gives the same answer
│   ├── WindowError           a partition key that names no window
│   ├── SchemaMismatchError   columns are missing, unknown or of another type
│   ├── OutsideWindowError    rows that belong to another partition
│   └── CheckFailedError      an audit that blocks the commit said no
├── FencedError               a newer attempt owns the partition; this one must stop
├── UnavailableError          a store or registry does not answer or is locked; try later
│   └── ExhaustedError        memory or disk ran out
└── TableMissingError         a table that the pipeline reads does not exist
"""

from __future__ import annotations

from enum import StrEnum


class FailureClass(StrEnum):
    """What a failure means for the next try."""

    TRANSIENT = "TRANSIENT"
    RESOURCE = "RESOURCE"
    PREEMPTED = "PREEMPTED"
    DATA = "DATA"
    CODE = "CODE"
    CONFIG = "CONFIG"


class MLProviderError(Exception):
    """The root: ``failure_class`` says whether trying again can help."""

    failure_class: FailureClass = FailureClass.CODE


class ConfigurationError(MLProviderError):
    """The installation, a connection or the YAML is wrong."""

    failure_class = FailureClass.CONFIG


class MissingExtraError(ConfigurationError):
    """An optional library is needed and not installed."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the library {library!r}, which is not installed. "
            f"Install it with: pip install 'airflow-ml-provider[{extra}]'"
        )


class UnknownConnectionError(ConfigurationError):
    """A connection id that Airflow does not know, or of a kind that is no store."""


class CodeError(MLProviderError):
    """The user's code or SQL is wrong."""

    failure_class = FailureClass.CODE


class FunctionError(CodeError):
    """A function cannot be imported, or returned something it should not."""


class QueryError(CodeError):
    """The database refused the SQL."""


class DataError(MLProviderError):
    """The data is wrong: the same input gives the same failure."""

    failure_class = FailureClass.DATA


class WindowError(DataError):
    """A partition key that names no window of the pipeline's granularity."""


class SchemaMismatchError(DataError):
    """Columns are missing, unknown or of another type."""


class OutsideWindowError(DataError):
    """Rows whose event time lies in another partition."""


class CheckFailedError(DataError):
    """An audit that blocks the commit said no; nothing was published."""


class FencedError(MLProviderError):
    """A newer attempt owns the partition: this one stops and has changed nothing."""


class UnavailableError(MLProviderError):
    """A store or registry does not answer, or is locked by someone else."""

    failure_class = FailureClass.TRANSIENT


class ExhaustedError(UnavailableError):
    """A store ran out of memory or disk."""

    failure_class = FailureClass.RESOURCE


class TableMissingError(MLProviderError):
    """A table that the pipeline reads does not exist."""

    failure_class = FailureClass.CONFIG
