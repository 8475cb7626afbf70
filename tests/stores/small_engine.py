"""A small engine: SQLite with schemas, behind the DB-API alone, as any other database would be."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.sqlite.dialect import lend_functions
from airflow_ml_provider.stores.sqlite.text import flat, translated

paramstyle = "qmark"
Error, IntegrityError, DataError = sqlite3.Error, sqlite3.IntegrityError, sqlite3.DataError
OperationalError, InterfaceError = sqlite3.OperationalError, sqlite3.InterfaceError

PROFILE = Profile(
    engine="A small engine",
    capabilities=Capabilities(row_lock=False, nan=False),
    types={
        "flag": "BIT",
        "int16": "SMALLINT",
        "int32": "INTEGER",
        "whole": "BIGINT",
        "double": "DOUBLE PRECISION",
        "text": "TEXT",
        "key": "TEXT",
        "bytes": "BLOB",
        "day": "DATE",
        "time": "TIME",
        "moment": "DATETIME2",
        "instant": "DATETIMEOFFSET",
    },
    catalog="SELECT name, type, NULL, NULL FROM small_columns WHERE place = ($1, {schema})",
    schemas="SELECT 1 WHERE $1 IS NOT NULL",
    here="''",
    now="strftime('%Y-%m-%d %H:%M:%f', 'now')",
    later="strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds')",
    earlier="ml_earlier({moment}, {span})",
    spans=True,
    copies=None,
    chunked="ml_hash({columns})",
    true="1",
    false="0",
)
_COLUMNS = (
    "SELECT info.name, info.type, NULL, NULL FROM sqlite_master AS made, "
    "pragma_table_info(made.name) AS info "
    "WHERE made.name = ? AND made.type IN ('table', 'view') ORDER BY info.cid"
)


def connect(path: str, *, commits_by_itself: bool = False) -> Connection:
    """Return a connection to a file, which is in write-ahead mode already."""
    connection = sqlite3.connect(
        path,
        timeout=60,
        isolation_level=None if commits_by_itself else "IMMEDIATE",
        check_same_thread=False,
        detect_types=sqlite3.PARSE_DECLTYPES,
        factory=Connection,
    )
    lend_functions(connection)
    # Processes are killed here, machines are not.
    sqlite3.Cursor(connection).execute("PRAGMA synchronous = OFF")
    return connection


class Connection(sqlite3.Connection):
    def cursor(self, *_: Any, **__: Any) -> Any:
        return super().cursor(Cursor)


class Cursor(sqlite3.Cursor):
    def execute(self, sql: str, values: Sequence[object] = ()) -> Cursor:
        if sql.startswith("CREATE SCHEMA"):
            return self
        if "small_columns" in sql:
            name, *schema = values
            place = TableName(str(schema[0]) if schema else None, str(name))
            return super().execute(_COLUMNS, (flat(place),))
        return super().execute(_said(sql), [_kept(value) for value in values])

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> Cursor:
        return super().executemany(_said(sql), ([_kept(value) for value in row] for row in rows))


def _said(sql: str) -> str:
    """Return SQL with schemas in words that SQLite knows."""
    said = re.sub(r"^(CREATE|DROP) VIEW", r"\1 TABLE", sql)
    place = re.match(r'CREATE INDEX ("\w+") ON ("(?:[^"]|"")+")\.("(?:[^"]|"")+")', said)
    if place:
        said = said.replace(f"ON {place[2]}.{place[3]}", f"ON TABLE {place[2]}.{place[3]}")
    said = translated(said)
    said = said.replace("ON TABLE", "ON", 1) if place else said
    return said if said[:4] == sql[:4] and "VIEW" not in sql[:12] else _as_view(said)


def _as_view(said: str) -> str:
    return re.sub(r"^(CREATE|DROP) TABLE", r"\1 VIEW", said)


def _kept(value: object) -> object:
    match value:
        case bool():
            return int(value)
        case Decimal():
            return float(value)
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            # A day is its first moment, in every comparison.
            return moment.isoformat(" ").removesuffix(" 00:00:00")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value // timedelta(microseconds=1)
    return value


def _moment(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())


sqlite3.register_converter("DATETIME2", _moment)
sqlite3.register_converter("DATETIMEOFFSET", lambda text: _moment(text).replace(tzinfo=UTC))
sqlite3.register_converter("DATE", lambda text: date.fromisoformat(text.decode()))
sqlite3.register_converter("TIME", lambda text: time.fromisoformat(text.decode()))
sqlite3.register_converter("BIT", lambda text: bool(int(text)))
