"""A connection: what Airflow knows under a connection id, for hooks that are thin doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import UnknownConnectionError

if TYPE_CHECKING:
    from airflow.sdk import Connection


def connection(conn_id: str, kinds: tuple[str, ...], purpose: str) -> Connection:
    """
    Return the Airflow connection ``conn_id``, which has to be of one of ``kinds``.

    :raises UnknownConnectionError: when Airflow does not know it, or it is of another kind.
    """
    found = any_connection(conn_id, kinds[0], purpose)
    if found.conn_type not in kinds:
        msg = (
            f"Connection {conn_id!r} is of type {found.conn_type!r}, which cannot be {purpose}. "
            f"Name one of type {' or '.join(map(repr, kinds))}."
        )
        raise UnknownConnectionError(msg)
    return found


def any_connection(conn_id: str, kind: str, purpose: str) -> Connection:
    """
    Return the Airflow connection ``conn_id``, of whatever type; ``kind`` is one to suggest.

    :raises UnknownConnectionError: when Airflow does not know it.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        msg = (
            f"Airflow knows no connection {conn_id!r}, which is named as {purpose}. Add it: "
            f"airflow connections add {conn_id} --conn-type {kind} …"
        )
        raise UnknownConnectionError(msg) from error
