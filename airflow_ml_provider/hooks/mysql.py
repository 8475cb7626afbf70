"""A connection to MySQL or MariaDB as a location: the fields that Airflow's own provider has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_ml_provider.domain.errors import UnknownConnectionError

if TYPE_CHECKING:
    from airflow.sdk import Connection

_LINK = ("connect_timeout", "ssl_mode", "unix_socket")
_FILES = ("ca", "cert", "key")


def mysql_location(found: Connection) -> str:
    """
    Return the URI of the database.

    :raises UnknownConnectionError: when the connection names no database.
    """
    if not found.schema:
        msg = (
            f"Connection {found.conn_id!r} names no database. Put the one in which the ledger is "
            "to be kept in 'Schema'."
        )
        raise UnknownConnectionError(msg)
    user = quote(found.login or "", safe="")
    if found.password:
        user += f":{quote(found.password, safe='')}"
    options = _options(found.extra_dejson)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
    place = f"{user}@{found.host or 'localhost'}:{found.port or 3306}"
    return f"mysql://{place}/{quote(found.schema, safe='')}{f'?{query}' if query else ''}"


def _options(extra: Mapping[str, Any]) -> dict[str, str]:
    given = extra.get("ssl") or {}
    # Airflow's provider takes an object there, or the text of one.
    files = json.loads(given) if isinstance(given, str) else given
    return {
        **{name: str(extra[name]) for name in _LINK if name in extra},
        **{f"ssl_{name}": str(files[name]) for name in _FILES if name in files},
    }
