"""What MySQL and its driver say when something fails, in the words of the domain."""

from __future__ import annotations

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
from airflow_ml_provider.stores.connection.session import (
    ConflictError,
    DuplicateKeyError,
    LockedError,
)
from airflow_ml_provider.stores.extras import needed

# By the server's error number; from 2000 on they are the client's.
_KINDS: dict[int, type[MLProviderError]] = {
    1020: ConflictError,  # a record has changed since it was read
    1021: ExhaustedError,  # the disk is full
    1037: ExhaustedError,
    1038: ExhaustedError,  # no memory to sort
    1040: UnavailableError,  # too many connections
    1041: ExhaustedError,
    1044: ConfigurationError,  # no right to the database
    1045: ConfigurationError,  # login refused
    1048: SchemaMismatchError,  # NULL into NOT NULL
    1049: TableMissingError,  # no such database
    1053: UnavailableError,  # the server shuts down
    1059: SchemaMismatchError,  # a name is too long
    1060: QueryError,
    1062: DuplicateKeyError,
    1102: SchemaMismatchError,  # no name for a database, a table, a column
    1103: SchemaMismatchError,
    1166: SchemaMismatchError,
    1114: ExhaustedError,  # the table is full
    1118: SchemaMismatchError,  # a row is too large
    1142: ConfigurationError,  # no right to the table
    1143: ConfigurationError,
    1146: TableMissingError,
    1153: DataError,  # a packet is too large
    1205: LockedError,
    1206: ExhaustedError,  # too many locks
    1213: ConflictError,  # a deadlock
    1227: ConfigurationError,  # no right
    1263: SchemaMismatchError,  # NULL into NOT NULL, while loading
    1264: DataError,  # out of range
    1265: DataError,  # cut off
    1290: ConfigurationError,  # the server is read-only
    1292: DataError,
    1300: DataError,  # no valid text
    1317: UnavailableError,  # interrupted
    1364: SchemaMismatchError,  # no default
    1366: DataError,
    1406: DataError,  # too long
    1425: SchemaMismatchError,  # a decimal with too many places
    1426: SchemaMismatchError,
    1690: DataError,  # out of range
    1836: ConfigurationError,
    1927: UnavailableError,  # the connection was killed
    1969: UnavailableError,  # a statement took too long
    2055: UnavailableError,
    3024: UnavailableError,
    3572: LockedError,
    3819: DataError,  # a CHECK of MySQL
    4025: DataError,  # a CHECK of MariaDB
    4031: UnavailableError,  # idle for too long
}
_CLIENT = range(2000, 3000)
_CONSTRAINT = "23"


def driver() -> Any:
    """
    Return the driver's module.

    :raises MissingExtraError: when it is not installed.
    """
    with needed("PyMySQL", "mysql", "A MySQL store"):
        import pymysql
    return pymysql


@contextmanager
def told(address: str) -> Iterator[None]:
    """Turn the driver's errors into the domain's."""
    library = driver()
    try:
        yield
    except library.Error as error:
        number = error.args[0] if error.args else 0
        text = str(error.args[1]) if len(error.args) > 1 else ""
        raise domain_error(address, number, text, state=error.sqlstate) from error
    except RuntimeError as error:
        if "LOAD_LOCAL" not in str(error):
            raise
        msg = f"{address} asked for a file of this machine, which it is not given."
        raise UnavailableError(msg) from error


def domain_error(
    address: str, number: int, text: str, *, state: str | None = None
) -> MLProviderError:
    """Return the domain's error for one of the server's, or for one of its warnings."""
    if number == 0:
        return UnavailableError(f"{address}: the connection is lost.")
    kind = _KINDS.get(number)
    if kind is None and number in _CLIENT:
        kind = UnavailableError
    if kind is None and (state or "").startswith(_CONSTRAINT):
        kind = DataError
    return (kind or QueryError)(f"{address}: {text} (error {number})")
