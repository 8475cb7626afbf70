"""A lake behind an Airflow connection: its root, the keys of its object store, its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from airflow_ml_provider.domain.errors import UnknownConnectionError

if TYPE_CHECKING:
    from airflow.sdk import Connection

KINDS = ("delta", "iceberg", "parquet")

# As the extras of an AWS connection are called, and as a lake's location calls them.
_OPTIONS = {
    "endpoint_url": "endpoint_url",
    "region_name": "region",
    "aws_session_token": "session_token",
    "stage": "stage",
}

_REST = ("warehouse", "token", "scope", "oauth2-server-uri", "prefix")


def lake_location(
    found: Connection, ledger: tuple[str, str] | None, catalog: tuple[str, str] | None = None
) -> str:
    """
    Return where a lake is, given kind and location of ledger and catalog (None: beside it).

    'Host' is a folder or ``s3://bucket/prefix``. The keys are login and password, or the extras of
    an AWS connection; without any, those of the machine count.

    :raises UnknownConnectionError: when the connection names no place.
    """
    extra = found.extra_dejson
    options = {ours: str(extra[name]) for name, ours in _OPTIONS.items() if extra.get(name)}
    if ledger is not None:
        options |= {"ledger_kind": ledger[0], "ledger_location": ledger[1]}
    if catalog is not None:
        options |= {"catalog_kind": catalog[0], "catalog_location": catalog[1]}
    scheme, _, path = _root(found).rpartition("://")
    if scheme == "":
        return path if not options else f"file://{quote(path)}?{urlencode(options)}"
    query = f"?{urlencode(options)}" if options else ""
    return f"{scheme}://{_keys(found, extra)}{quote(path)}{query}"


def is_rest_catalog(found: Connection) -> bool:
    """Whether a connection is that of a REST catalog, which keeps tables of its own nowhere."""
    return found.conn_type == "iceberg" and str(found.host).startswith(("http://", "https://"))


def rest_catalog(found: Connection) -> str:
    """Return the address of a REST catalog; login and password are the client's id and secret."""
    scheme, _, rest = str(found.host).partition("://")
    host, slash, path = rest.partition("/")
    port = f":{found.port}" if found.port else ""
    known = {
        name: str(value) for name, value in found.extra_dejson.items() if name in _REST and value
    }
    client = ""
    if found.login or found.password:
        client = f"{quote(found.login or '', safe='')}:{quote(found.password or '', safe='')}@"
    query = f"?{urlencode(known)}" if known else ""
    return f"{scheme}://{client}{host}{port}{slash}{path}{query}"


def _root(found: Connection) -> str:
    if found.host:
        return str(found.host)
    if found.schema:
        # As a URI, delta:///data/lake keeps the path in the schema, without its slash.
        return f"/{str(found.schema).removeprefix('/')}"
    msg = (
        f"Connection {found.conn_id!r} names no lake. Put a folder that every worker sees, or "
        "s3://bucket/prefix, in 'Host'."
    )
    raise UnknownConnectionError(msg)


def _keys(found: Connection, extra: Mapping[str, object]) -> str:
    key = found.login or extra.get("aws_access_key_id")
    secret = found.password or extra.get("aws_secret_access_key")
    if not key or not secret:
        return ""
    return f"{quote(str(key), safe='')}:{quote(str(secret), safe='')}@"
