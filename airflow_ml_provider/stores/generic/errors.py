"""What a driver says when something fails, in the words of the domain: by SQLSTATE, else by class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    DataError,
    ExhaustedError,
    MLProviderError,
    QueryError,
    SchemaMismatchError,
    TableMissingError,
    UnavailableError,
)
from airflow_ml_provider.stores.connection.session import ConflictError, DuplicateKeyError
from airflow_ml_provider.stores.generic.driver import Driver, driver_of

_STATES: dict[str, type[MLProviderError]] = {
    "23502": SchemaMismatchError,
    "23505": DuplicateKeyError,
    "42P01": TableMissingError,
    "42S02": TableMissingError,
}
_CLASSES: dict[str, type[MLProviderError]] = {
    "08": UnavailableError,
    "22": DataError,
    "23": DataError,
    "40": ConflictError,
    "42": QueryError,
    "53": ExhaustedError,
    "57": UnavailableError,
}
_MADE_MEANWHILE = {"42P07", "42P06", "42S01", "42701", "42S21", "23505"}
_TAKEN = ("already exists", "duplicate column")
_STATE = re.compile(r"[0-9A-Z]{5}")


class LostError(UnavailableError):
    """The connection is of no use any more: the next statement opens another."""


@contextmanager
def told(driver: Driver, address: str, *, creating: bool = False) -> Iterator[None]:
    """
    Turn the errors of a driver into the domain's.

    ``creating``: a name that is there already was taken at the same moment.
    """
    try:
        yield
    except (driver.error, OverflowError, UnicodeError) as error:
        msg = f"{address}: {_first_line(error)}"
        raise _kind(driver, error, creating=creating)(msg) from error


def unreachable(error: Exception, address: str) -> MLProviderError | None:
    """Return the domain's error for one that a driver raised where it should have connected."""
    try:
        driver = driver_of(error)
    except ConfigurationError:
        return None
    return (
        UnavailableError(f"{address}: {_first_line(error)}")
        if isinstance(error, driver.error)
        else None
    )


def _kind(driver: Driver, error: Exception, *, creating: bool) -> type[MLProviderError]:
    state = sqlstate(error)
    said = str(error).lower()
    if creating and (state in _MADE_MEANWHILE or any(word in said for word in _TAKEN)):
        return ConflictError
    if not isinstance(error, driver.error):
        return DataError
    known = _STATES.get(state) or _CLASSES.get(state[:2])
    if known is not None:
        return LostError if known is UnavailableError else known
    if "no such table" in said:
        return TableMissingError
    return _by_class(driver, error, said)


def _by_class(driver: Driver, error: Exception, said: str) -> type[MLProviderError]:
    if isinstance(error, driver.duplicate):
        # Without a state only the words tell a key from another rule of the table.
        return DuplicateKeyError if "unique" in said or "duplicate" in said else DataError
    if isinstance(error, driver.data):
        return DataError
    if "lock" in said:
        return UnavailableError
    return LostError if isinstance(error, driver.lost) and not _refused(said) else QueryError


def _refused(said: str) -> bool:
    """Whether an operational error is about the statement: some drivers have one class for both."""
    return any(word in said for word in ("syntax", "no such", "incomplete", "near ", "column"))


def sqlstate(error: Exception) -> str:
    """Return the five letters of SQLSTATE that came with an error, or nothing."""
    named = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    first = error.args[0] if error.args else ""
    for candidate in (named, first):
        if isinstance(candidate, str) and _STATE.fullmatch(candidate):
            return candidate
    return ""


def _first_line(error: Exception) -> str:
    # Later lines repeat the statement, in which values may stand.
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
