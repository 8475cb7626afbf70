"""The embedded home: the folder of the store and the registry that need no connection."""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from pathlib import Path


def embedded_home() -> Path:
    """
    Return the folder of the embedded store and registry, which is made when it is not there.

    It is option ``home`` of section ``[airflow_ml]``, from the environment or ``airflow.cfg``,
    else ``airflow_ml`` in Airflow's home. Both are read without Airflow, whose import takes
    seconds that a command line does not have.
    """
    airflow = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    chosen = os.environ.get("AIRFLOW__AIRFLOW_ML__HOME") or _configured(airflow)
    home = (Path(chosen).expanduser() if chosen else airflow / "airflow_ml").absolute()
    home.mkdir(parents=True, exist_ok=True)
    return home


def _configured(airflow: Path) -> str | None:
    path = Path(os.environ.get("AIRFLOW_CONFIG", airflow / "airflow.cfg")).expanduser()
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except Error:
        return None
    return parser.get("airflow_ml", "home", fallback=None) or None
