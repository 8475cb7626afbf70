"""The premises of the demo: Airflow's home, and the store that its tables rest in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_CONNECTION = "demo_lake"


class DemoStore(StrEnum):
    """What the demo can keep its tables in: an embedded DuckDB file, or a lake of Delta tables."""

    DUCKDB = "duckdb"
    LAKE = "lake"


@dataclass(frozen=True, slots=True)
class Premises:
    """
    Where one demo lives: each store has an Airflow of its own, so that none finds another's runs.

    ``environment`` is what every process of it has to know of the store.
    """

    airflow: Path
    kind: str
    store: Path
    again: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path, store: DemoStore) -> Premises:
        """Return the premises below ``home``, of which nothing need be there yet."""
        if store is DemoStore.DUCKDB:
            airflow = home / "airflow"
            return cls(airflow, "DuckDB", airflow / "airflow_ml" / "store.duckdb", "make demo")
        airflow = home / "airflow-lake"
        lake = airflow / "airflow_ml" / "lake"
        connection = json.dumps({"conn_type": "delta", "host": str(lake)})
        environment = {
            "AIRFLOW__AIRFLOW_ML__STORE": _CONNECTION,
            f"AIRFLOW_CONN_{_CONNECTION.upper()}": connection,
        }
        return cls(airflow, "Delta Lake", lake, "make demo STORE=lake", environment)
