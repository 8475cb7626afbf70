"""The catalog of an Iceberg lake: the one place that says which metadata of a table is the newest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.stores.connection.libpq import linked
from airflow_ml_provider.stores.extras import needed
from airflow_ml_provider.stores.lake.location import LakeLocation

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

# Names with an underscore in front are overlooked by the engines that read the tables.
_FILE = "_ml_catalog.sqlite"
# Other engines name the catalog so when they open its database.
_NAME = "default"
_PATIENCE = 60
_FIRST_TIMES = 5
_OPTIONS = {
    "endpoint_url": "s3.endpoint",
    "region": "s3.region",
    "access_key_id": "s3.access-key-id",
    "secret_access_key": "s3.secret-access-key",
    "session_token": "s3.session-token",
}


def address(place: LakeLocation) -> tuple[str, str]:
    """
    Return the kind and location of the catalog: a SQLite file in the lake's folder by default.

    :raises ConfigurationError: for a lake in an object store without a catalog.
    """
    if place.catalog is not None:
        return place.catalog
    if place.folder is None:
        msg = (
            f"The Iceberg lake at {place.root} has no catalog, which says what its tables are. "
            "Name the connection of one (postgres, sqlite, or iceberg for a REST catalog) as "
            "'catalog_conn_id' in the extra of the lake's own."
        )
        raise ConfigurationError(msg)
    return "sqlite", str(place.folder / _FILE)


def opened(place: LakeLocation) -> Catalog:
    """Connect to the catalog of a lake."""
    kind, location = address(place)
    known = {
        theirs: place.options[ours] for ours, theirs in _OPTIONS.items() if ours in place.options
    }
    properties = {**known, "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}
    if kind == "rest":
        return _rest(location, properties)
    return _sql(_uri(kind, location), properties)


def _uri(kind: str, location: str) -> str:
    if kind == "sqlite":
        if "?" in location:
            msg = f"The catalog cannot be in {location}: SQLAlchemy reads '?' as something else."
            raise ConfigurationError(msg)
        return f"sqlite:///{location}?timeout={_PATIENCE}"
    if kind == "postgres":
        with needed("psycopg", "postgres", "An Iceberg catalog in PostgreSQL"):
            import psycopg  # noqa: F401  SQLAlchemy imports it by the name in the URI
        uri, _ = linked(location)
        return uri.replace("postgresql://", "postgresql+psycopg://", 1)
    msg = (
        f"A store of kind {kind!r} cannot be the catalog of an Iceberg lake. Name a SQLite file, "
        "a PostgreSQL database or a REST catalog."
    )
    raise ConfigurationError(msg)


def _sql(uri: str, properties: Mapping[str, str]) -> Catalog:
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy.exc import DatabaseError

    # Of a catalog that fails while it makes its tables nobody could close the connection.
    catalog = SqlCatalog(_NAME, uri=uri, init_catalog_tables="false", **properties)
    for times_left in reversed(range(_FIRST_TIMES)):
        try:
            catalog.create_tables()
            break
        except DatabaseError:  # somebody else makes them at the same moment
            if not times_left:
                catalog.close()
                raise
    return catalog


def _rest(location: str, properties: Mapping[str, str]) -> Catalog:
    from airflow_ml_provider.stores.iceberg.rest import PatientCatalog

    parts = urlsplit(location)
    uri = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    given: dict[str, Any] = dict(parse_qsl(parts.query))
    if parts.username or parts.password:
        given["credential"] = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        # Where the protocol has it; a library to come does not look there by itself.
        given.setdefault("oauth2-server-uri", f"{uri.rstrip('/')}/v1/oauth/tokens")
    return PatientCatalog(_NAME, uri=uri, **properties, **given)
