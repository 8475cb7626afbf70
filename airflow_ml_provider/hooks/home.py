"""The embedded home: the folder of the store and the registry that need no connection."""

from __future__ import annotations

from pathlib import Path

from airflow_ml_provider.hooks.options import airflow_home, option


def embedded_home() -> Path:
    """
    Return the folder of the embedded store and registry, which is made when it is not there.

    It is the option ``home``, else ``airflow_ml`` in Airflow's home.
    """
    home = home_of(option("home"))
    home.mkdir(parents=True, exist_ok=True)
    return home


def home_of(chosen: str | None) -> Path:
    """Return the folder that the option ``home`` means; it may not be there yet."""
    return (Path(chosen).expanduser() if chosen else airflow_home() / "airflow_ml").absolute()
