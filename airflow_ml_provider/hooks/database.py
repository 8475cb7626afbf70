"""Any other database: the hook of an Airflow connection opens raw connections for a generic store."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError, UnknownConnectionError

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.sdk import Connection

    from airflow_ml_provider.domain.ports import Store
    from airflow_ml_provider.stores.generic.profile import Profile

EXTRA = "ml_store"


def is_generic(found: Connection, native: tuple[str, ...]) -> bool:
    """Whether a connection is of no type with a store of its own, or asks for its hook."""
    return found.conn_type not in native or EXTRA in found.extra_dejson


def open_database(found: Connection, **options: Any) -> Store:
    """
    Return a store behind the database hook of a connection.

    :raises UnknownConnectionError: when the type of the connection has no such hook.
    :raises ConfigurationError: naming what the engine lacks to be a store.
    """
    from airflow_ml_provider.stores.generic.store import open_generic

    hook, profile = _hook(found), _profile(found)

    def connect() -> Any:
        opened = hook.get_conn()
        if hook.supports_autocommit:
            # As extras may have it on, from which nothing could be rolled back.
            hook.set_autocommit(opened, not profile.capabilities.transactions)
        return opened

    return open_generic(connect, profile, _address(found), **options)


def _profile(found: Connection) -> Profile:
    from airflow_ml_provider.stores.generic.engines import profile_of

    known = found.extra_dejson.get(EXTRA, {})
    if not isinstance(known, dict):
        msg = (
            f"The extra '{EXTRA}' of connection {found.conn_id!r} must name capabilities, such as "
            f'{{"{EXTRA}": {{"consistent_reads": true}}}}.'
        )
        raise ConfigurationError(msg)
    return profile_of(str(found.conn_type)).known_as(known)


def _hook(found: Connection) -> DbApiHook:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.sdk.exceptions import AirflowException

    try:
        hook = found.get_hook(hook_params={"connection": _without_ours(found)})
    except (AirflowException, ImportError, TypeError) as error:
        raise UnknownConnectionError(_no_store(found, str(error))) from error
    if not isinstance(hook, DbApiHook):
        raise UnknownConnectionError(_no_store(found, f"{type(hook).__name__} is no DbApiHook"))
    return hook


def _without_ours(found: Connection) -> Connection:
    """Return a connection without our extra, which some hooks would hand to their driver."""
    theirs = copy.copy(found)
    extra = {name: value for name, value in found.extra_dejson.items() if name != EXTRA}
    theirs.extra = json.dumps(extra) if extra else None
    return theirs


def _no_store(found: Connection, reason: str) -> str:
    return (
        f"Connection {found.conn_id!r} is of type {found.conn_type!r}, which has no database hook "
        f"here ({reason}), so it cannot be a store. Install the provider of that type, or name "
        "another connection."
    )


def _address(found: Connection) -> str:
    port = f":{found.port}" if found.port else ""
    path = f"/{found.schema}" if found.schema else ""
    return f"{found.conn_type}://{found.host or found.conn_id}{port}{path}"
