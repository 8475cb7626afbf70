"""Airflow's world: the profile, the Variables and the connections that an Airflow knows."""

from __future__ import annotations

import os
from functools import cache

from airflow_ml_provider.hooks.options import configuration, option, variable_of
from airflow_ml_provider.spec import World
from airflow_ml_provider.spec.inputs import note_environment, note_file


def airflows_world(profile: str | None = None, *, check_connections: bool = False) -> World:
    """
    Return the world in which Airflow reads a file; ``profile`` counts before the option.

    A Variable is asked for once, however often it is named. Connections are looked up only when
    that is said: they carry secrets, which have no business where Dags are parsed.
    """
    return World(
        profile=lambda: profile or _active_profile(),
        variable=cache(airflows_variable),
        connection=cache(_is_connection) if check_connections else None,
    )


def airflows_variable(name: str) -> str | None:
    """Return the value of an Airflow Variable, or None when there is none."""
    from airflow.sdk import Variable

    found = Variable.get(name, default=None)
    return None if found is None else str(found)


def _active_profile() -> str | None:
    """Return the active profile, and note where it was looked for: a kept recipe depends on it."""
    for name in (variable_of("profile"), "AIRFLOW_CONFIG", "AIRFLOW_HOME"):
        note_environment(name, os.environ.get(name))
    path = configuration()
    note_file(path, path.read_bytes() if path.is_file() else None)
    return option("profile")


def _is_connection(conn_id: str) -> bool:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    return True
