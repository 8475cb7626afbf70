"""The link to a MySQL server: how it is opened, and how one statement crosses it."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.mysql.dialect import COLLATIONS
from airflow_ml_provider.stores.mysql.errors import domain_error, driver, told
from airflow_ml_provider.stores.mysql.location import PREFERRED, MysqlLocation

# Standard SQL, as the other stores read it, and no value that becomes another in silence.
_MODES = (
    *("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "NO_ENGINE_SUBSTITUTION"),
    *("STRICT_ALL_TABLES", "ERROR_FOR_DIVISION_BY_ZERO"),
)
# Seconds: rows may be long in coming and slow to be read, a dead client's transaction is ended
# after ten minutes where the server can.
_PATIENCE = {"net_read_timeout": 600, "net_write_timeout": 3600, "wait_timeout": 86_400}
_IDLE_IN_TRANSACTION = {"idle_transaction_timeout": 600}
_LARGEST_PACKET = 2**24 - 2


def opened(location: MysqlLocation, lock_wait: float) -> Any:
    """Return a connection in autocommit mode and in UTC, whose waits have an end."""
    library = driver()
    flags = library.constants.CLIENT
    login = {**location.login, "password": location.login["password"].encode()}
    with told(location.address):
        connection = library.connections.Connection(
            defer_connect=True,
            database=location.database,
            charset="utf8mb4",
            autocommit=True,
            # A file of rows is announced, but local_infile stays off: with it the driver would
            # hand over any file of this machine that a server names.
            client_flag=flags.LOCAL_FILES | flags.FOUND_ROWS,
            connect_timeout=location.link["connect_timeout"],
            read_timeout=location.link["connect_timeout"],
            **login,
        )
        if location.encrypts == PREFERRED and not login["unix_socket"]:
            connection.ssl, connection.ctx = True, _unverified()
        connection.connect()
        try:
            connection.set_character_set("utf8mb4", COLLATIONS[flavour(connection)])
            _set_up(connection, lock_wait)
        except BaseException:
            connection.close()
            raise
    _watch_network(connection, location)
    return connection


@lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    """Return what encrypts without a look at who answers; the driver's own takes 0.3 s to make."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def flavour(connection: Any) -> str:
    """Return ``mariadb`` or ``mysql``."""
    return "mariadb" if "mariadb" in connection.server_version.lower() else "mysql"


def _set_up(connection: Any, lock_wait: float) -> None:
    seconds = max(math.ceil(lock_wait), 1)
    settings = {
        "sql_mode": f"'{','.join(_MODES)}'",
        "time_zone": "'+00:00'",
        "default_storage_engine": "InnoDB",
        "innodb_lock_wait_timeout": seconds,
        "lock_wait_timeout": seconds,
        **_PATIENCE,
        **(_IDLE_IN_TRANSACTION if flavour(connection) == "mariadb" else {}),
    }
    asked(connection, "SET " + ", ".join(f"SESSION {k} = {v}" for k, v in settings.items()))
    asked(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def _watch_network(connection: Any, location: MysqlLocation) -> None:
    """Let the kernel notice a dead network; what the server takes its time for is waited for."""
    connection._read_timeout = None  # noqa: SLF001  it is for the whole connection otherwise
    wire = connection._sock  # noqa: SLF001  the driver opens it, and sets no more than keepalive
    if wire.family == socket.AF_UNIX:
        return
    link = location.link
    for option, seconds in (
        (socket.TCP_KEEPIDLE, link["keepalives_idle"]),
        (socket.TCP_KEEPINTVL, link["keepalives_interval"]),
        (socket.TCP_KEEPCNT, link["keepalives_count"]),
        (socket.TCP_USER_TIMEOUT, link["tcp_user_timeout"]),
    ):
        wire.setsockopt(socket.IPPROTO_TCP, option, seconds)


def asked(connection: Any, sql: str) -> list[Row]:
    """Run one statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def changed(connection: Any, sql: str) -> int:
    """Run one statement and return how many rows it inserted or found."""
    return int(connection.query(sql))


def streamed(connection: Any, sql: str, size: int) -> Iterator[list[tuple[bytes | None, ...]]]:
    """
    Yield the rows of one statement as they come, ``size`` at a time, as the server writes them.

    The first list is empty: it comes when the server has begun to answer.
    """
    connection.use_unicode, connection.decoders = False, {}
    connection.query(sql, unbuffered=True)
    answer = connection._result  # noqa: SLF001  the driver's cursors read the rest of it when closed
    try:
        rows: list[tuple[bytes | None, ...]] = []
        yield rows
        while answer.unbuffered_active:
            row = answer._read_rowdata_packet_unbuffered()  # noqa: SLF001  likewise
            if row is not None:
                rows.append(row)
            if rows and (row is None or len(rows) == size):
                yield rows
                rows = []
    finally:
        answer.unbuffered_active = False


def handed_over(connection: Any, sql: str, blocks: Iterable[bytes]) -> int:
    """
    Run LOAD DATA LOCAL, whose file is ``blocks`` whatever the server calls it.

    Return how many rows came. When the blocks break off, the statement ends there, and their
    error is raised.
    """
    from pymysql.constants.COMMAND import COM_QUERY
    from pymysql.protocol import OKPacketWrapper

    connection._execute_command(COM_QUERY, sql)  # noqa: SLF001  the driver knows only files
    connection._read_packet()  # noqa: SLF001
    try:
        _sent(connection, blocks)
    except BaseException:
        # After an error of the link there is nobody to tell.
        if connection.open:
            _ended(connection)
        raise
    return int(OKPacketWrapper(_ended(connection)).affected_rows)


def _sent(connection: Any, blocks: Iterable[bytes]) -> None:
    for block in blocks:
        for start in range(0, len(block), _LARGEST_PACKET):
            connection.write_packet(block[start : start + _LARGEST_PACKET])


def _ended(connection: Any) -> Any:
    connection.write_packet(b"")
    return connection._read_packet()  # noqa: SLF001


def require_no_warning(connection: Any, address: str, table: str) -> None:
    """
    Return when the last statement kept every value as it was.

    What the server only warns of has changed a value or left a row out: digits of a decimal are
    cut off with a note, and LOAD DATA LOCAL turns errors into warnings.
    """
    found = asked(connection, "SHOW WARNINGS")
    if not found:
        return
    _, number, text = found[0]
    error = domain_error(address, number, f"{table} would not keep a value as it is: {text}")
    raise error if error.failure_class.value == "DATA" else SchemaMismatchError(str(error))
