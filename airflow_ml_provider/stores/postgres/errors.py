"""What PostgreSQL and its driver say when something fails, in the words of the domain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
from airflow_ml_provider.stores.connection.session import ConflictError, LockedError
from airflow_ml_provider.stores.extras import needed

# By SQLSTATE or the class in its first two letters; the longest that fits counts.
_KINDS: dict[str, type[MLProviderError]] = {
    "08": UnavailableError,
    "22": DataError,
    "22P03": SchemaMismatchError,
    "23": DataError,
    "23502": SchemaMismatchError,
    "25006": ConfigurationError,
    "28": ConfigurationError,
    "3D000": ConfigurationError,
    "3F000": TableMissingError,
    "40": ConflictError,
    "42501": ConfigurationError,
    "42804": SchemaMismatchError,
    "42P01": TableMissingError,
    "53": UnavailableError,
    "53100": ExhaustedError,
    "53200": ExhaustedError,
    "55P03": LockedError,
    "57": UnavailableError,
    "58": UnavailableError,
}
# Two that create the same thing at once: the one that comes second does it again.
_SAME_THING_TWICE = {"23505", "42P06", "42P07", "42710"}


def driver() -> Any:
    """
    Return the driver's DB-API module.

    :raises MissingExtraError: when it is not installed.
    """
    with needed("adbc-driver-postgresql", "postgres", "A PostgreSQL store"):
        from adbc_driver_postgresql import dbapi
    return dbapi


@contextmanager
def told(address: str, *, creating: bool = False) -> Iterator[None]:
    """Turn the driver's errors into the domain's."""
    library = driver()
    try:
        yield
    except library.Error as error:
        raise _domain_error(library, error, address, creating=creating) from error


def _domain_error(library: Any, error: Any, address: str, *, creating: bool) -> MLProviderError:
    state, text = error.sqlstate, _readable(str(error))
    kind: type[MLProviderError]
    if state is None:
        lost = isinstance(error, library.OperationalError)
        kind = UnavailableError if lost else QueryError
    elif creating and state in _SAME_THING_TWICE:
        kind = ConflictError
    else:
        kind = _KINDS.get(state) or _KINDS.get(state[:2]) or QueryError
    return kind(f"{address}: {text}{f' (SQLSTATE {state})' if state else ''}")


def _readable(text: str) -> str:
    text = re.split(r"\s*(?:\n\nQuery was:|\. SQLSTATE:)", text)[0]
    text = re.sub(r"^[A-Z_]+: (?:\[libpq\] )?", "", text)
    return re.sub(r"(password=|//[^:/@\s]*:)[^@&\s]+", r"\1***", text).strip()
