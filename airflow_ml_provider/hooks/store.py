"""The store behind an Airflow connection, or the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_ml_provider.domain.errors import UnknownConnectionError
from airflow_ml_provider.hooks.connection import connection
from airflow_ml_provider.hooks.home import embedded_home
from airflow_ml_provider.hooks.lake import (
    KINDS as _LAKES,
    is_rest_catalog,
    lake_location,
    rest_catalog,
)
from airflow_ml_provider.hooks.mysql import mysql_location
from airflow_ml_provider.hooks.options import option

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_ml_provider.domain.ports import Store

_DATABASES = ("postgres", "mysql", "duckdb", "sqlite")
_CATALOGS = ("postgres", "sqlite", "iceberg")
_KINDS = (*_DATABASES, *_LAKES)


def open_store(conn_id: str | None = None, **options: Any) -> Store:
    """
    Return the store behind the connection ``conn_id``.

    None is the connection of the option ``store``, else the embedded DuckDB file.

    It is connected to when it is first asked. Airflow is imported only when there is a connection
    to look up. ``options`` go to the store's own class.

    :raises UnknownConnectionError: when the connection is not known, or is no store.
    """
    from airflow_ml_provider.stores import open as stores

    conn_id = conn_id or option("store")
    if conn_id is None:
        return stores.open_store("duckdb", str(embedded_home() / "store.duckdb"), **options)
    found = connection(conn_id, _KINDS, "a store")
    return stores.open_store(str(found.conn_type), location_of(found), **options)


def location_of(found: Connection) -> str:
    """
    Return where a connection points: the path of a file, the URI of a server, a lake.

    :raises UnknownConnectionError: when a connection to a file or a lake names none, or the extra
        of a lake a ledger that is no database.
    """
    if found.conn_type in _LAKES:
        return lake_location(found, _ledger(found), _catalog(found))
    servers = {"postgres": _postgres, "mysql": mysql_location}
    return servers.get(str(found.conn_type), _file)(found)


def _ledger(found: Connection) -> tuple[str, str] | None:
    chosen = found.extra_dejson.get("ledger_conn_id")
    if not chosen:
        return None
    ledger = connection(str(chosen), _DATABASES, f"the ledger of {found.conn_id!r}")
    return str(ledger.conn_type), location_of(ledger)


def _catalog(found: Connection) -> tuple[str, str] | None:
    chosen = found.extra_dejson.get("catalog_conn_id")
    if not chosen or found.conn_type != "iceberg":
        return None
    purpose = f"the catalog of {found.conn_id!r}"
    catalog = connection(str(chosen), _CATALOGS, purpose)
    if catalog.conn_type != "iceberg":
        return str(catalog.conn_type), location_of(catalog)
    if not is_rest_catalog(catalog):
        msg = (
            f"Connection {chosen!r} cannot be {purpose}: put the address of a REST catalog, "
            "https://…, in its 'Host'."
        )
        raise UnknownConnectionError(msg)
    return "rest", rest_catalog(catalog)


def _file(found: Connection) -> str:
    if found.host and found.host != ":memory:":
        return str(found.host)
    if found.schema:
        # As a URI, duckdb:///data/store.duckdb keeps the path in the schema, without its slash.
        return f"/{str(found.schema).removeprefix('/')}"
    kind = {"duckdb": "DuckDB", "sqlite": "SQLite"}[str(found.conn_type)]
    msg = (
        f"Connection {found.conn_id!r} names no file. Put the path of the {kind} file "
        "in 'Host'; a database in memory would be gone before the next task."
    )
    raise UnknownConnectionError(msg)


def _postgres(found: Connection) -> str:
    user = quote(found.login or "", safe="")
    if found.password:
        user += f":{quote(found.password, safe='')}"
    host = found.host or "localhost"
    # A path is the folder of a Unix socket, which a URI carries as a parameter.
    place = "" if host.startswith("/") else f"{host}:{found.port or 5432}"
    options = {str(k): str(v) for k, v in found.extra_dejson.items() if k in _LIBPQ}
    if not place:
        options |= {"host": host, "port": str(found.port or 5432)}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
    at = f"{user}@" if user else ""
    database = quote(found.schema or "postgres", safe="")
    return f"postgresql://{at}{place}/{database}{f'?{query}' if query else ''}"


_LIBPQ = frozenset(
    {
        "application_name",
        "connect_timeout",
        "keepalives_idle",
        "options",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
    }
)
