"""The provider's options: section ``[airflow_ml]`` of Airflow's configuration, without Airflow."""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from pathlib import Path


def airflow_home() -> Path:
    """Return Airflow's home, as Airflow itself finds it."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()


def option(name: str) -> str | None:
    """
    Return an option from the environment or ``airflow.cfg``; None when it is not set, or empty.

    Both are read here because the import of Airflow takes seconds that a command line does not
    have. Other sources of Airflow's configuration are not asked.
    """
    return os.environ.get(f"AIRFLOW__AIRFLOW_ML__{name.upper()}") or _configured(name)


def _configured(name: str) -> str | None:
    path = Path(os.environ.get("AIRFLOW_CONFIG", airflow_home() / "airflow.cfg")).expanduser()
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except Error:
        return None
    return parser.get("airflow_ml", name, fallback=None) or None
