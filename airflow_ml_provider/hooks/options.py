"""The provider's options: section ``[airflow_ml]`` of Airflow's configuration, without Airflow."""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from pathlib import Path


def airflow_home() -> Path:
    """Return Airflow's home, as Airflow itself finds it."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()


def variable_of(name: str) -> str:
    """Return the variable of the environment in which an option is looked for first."""
    return f"AIRFLOW__AIRFLOW_ML__{name.upper()}"


def configuration() -> Path:
    """Return the file in which an option is looked for then."""
    return Path(os.environ.get("AIRFLOW_CONFIG", airflow_home() / "airflow.cfg")).expanduser()


def option(name: str) -> str | None:
    """
    Return an option from the environment or ``airflow.cfg``; None when it is not set, or empty.

    Both are read here because the import of Airflow takes seconds that a command line does not
    have. Other sources of Airflow's configuration are not asked.
    """
    return os.environ.get(variable_of(name)) or _configured(name)


def _configured(name: str) -> str | None:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(configuration())
    except Error:
        return None
    return parser.get("airflow_ml", name, fallback=None) or None
