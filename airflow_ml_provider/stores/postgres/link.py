"""The link to a PostgreSQL server: how it is opened, and how one statement crosses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.postgres.errors import driver, told

if TYPE_CHECKING:
    import pyarrow as pa

# A dead client's transaction ends, and lets others go on.
_IDLE_IN_TRANSACTION = "10min"


def opened(uri: str, address: str, lock_wait: float, known: Any = None) -> tuple[Any, int]:
    """Return a connection in UTC whose waits have an end, and its process id on the server."""
    with told(address):
        connection = known.adbc_clone() if known is not None else driver().connect(uri)
    try:
        rows = asked(
            connection,
            "SELECT set_config('TimeZone', 'UTC', false), "
            "set_config('idle_in_transaction_session_timeout', $1, false), "
            "set_config('lock_timeout', $2, false), pg_backend_pid()",
            (_IDLE_IN_TRANSACTION, f"{lock_wait * 1000:.0f}"),
        )
        connection.commit()
    except driver().Error as error:
        connection.close()
        msg = f"{address} went away while a connection was made."
        raise UnavailableError(msg) from error
    return connection, int(rows[0][-1])


def asked(connection: Any, sql: str, values: Sequence[object] = ()) -> list[Row]:
    """Run one statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, binds(values))
        rows: list[Row] = cursor.fetchall()
        return rows


def binds(values: Sequence[object]) -> pa.RecordBatch | None:
    """Return values as a batch of one row: each with its own type."""
    import pyarrow as pa

    if not values:
        return None
    arrays = [pa.array([_plain(value)]) for value in values]
    return pa.RecordBatch.from_arrays(arrays, [str(number) for number in range(len(arrays))])


def _plain(value: object) -> object:
    # A moment with any zone is bound as the same moment in UTC.
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return value
