"""The model registry behind an Airflow connection, or the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_ml_provider.domain.errors import UnknownConnectionError
from airflow_ml_provider.hooks.connection import connection
from airflow_ml_provider.hooks.home import embedded_home
from airflow_ml_provider.hooks.options import option

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_ml_provider.domain.ports import ModelRegistry

_KINDS = ("mlflow", "http", "https")


def open_registry(conn_id: str | None = None) -> ModelRegistry:
    """
    Return the MLflow registry behind ``conn_id``.

    None is the connection of the option ``registry``, else the embedded one on SQLite.

    It is connected to when it is first asked. Airflow is imported only when there is a connection
    to look up.

    :raises UnknownConnectionError: when the connection is not known, or names no server.
    """
    from airflow_ml_provider.stores.mlflow.registry import MLflowRegistry

    conn_id = conn_id or option("registry")
    if conn_id is None:
        home = embedded_home()
        return MLflowRegistry(f"sqlite:///{home / 'registry.db'}", home / "models")
    found = connection(conn_id, _KINDS, "a model registry")
    extra = found.extra_dejson
    return MLflowRegistry(tracking_uri(found), extra.get("artifact_root"))


def tracking_uri(found: Connection) -> str:
    """
    Return the tracking URI of a connection: its extra ``tracking_uri``, else its host and port.

    :raises UnknownConnectionError: when there is neither.
    """
    chosen = found.extra_dejson.get("tracking_uri")
    if chosen:
        return str(chosen)
    if not found.host:
        msg = (
            f"Connection {found.conn_id!r} names no MLflow server. Put its address in 'Host', such "
            "as http://mlflow:5000, or write the extra 'tracking_uri'."
        )
        raise UnknownConnectionError(msg)
    scheme, _, host = found.host.rpartition("://")
    if scheme.startswith("sqlite"):
        return str(found.host)
    scheme = (
        scheme or found.schema or (found.conn_type if found.conn_type in _KINDS[1:] else "http")
    )
    user = quote(found.login or "", safe="")
    if found.password:
        user += f":{quote(found.password, safe='')}"
    port = f":{found.port}" if found.port else ""
    return f"{scheme}://{f'{user}@' if user else ''}{host}{port}"
