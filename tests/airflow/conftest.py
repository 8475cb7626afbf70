from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_ml_provider.demo.server import LocalAirflow
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.hooks.store import open_store

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


class Shop:
    """A small system on a real Airflow: its servers, its store and its alerts."""

    def __init__(self, folder: Path) -> None:
        self.alerts = folder / "alerts.log"
        dags = Path(shutil.copytree(Path(__file__).parent / "shop", folder / "dags"))
        connection = {"conn_type": "fs", "extra": {"path": str(self.alerts)}}
        self.airflow = LocalAirflow(
            folder / "airflow",
            dags,
            env={
                "AIRFLOW__AIRFLOW_ML__HOME": str(folder / "ml"),
                "AIRFLOW_CONN_ALERTS": json.dumps(connection),
            },
        )
        self.api = self.airflow.api

    def open_store(self) -> Store:
        return open_store()

    def order(self, days: range, items: int = 3) -> None:
        """Write the raw orders of some days, as a system upstream would."""
        import duckdb

        from airflow_ml_provider.hooks.home import embedded_home

        rows = [
            (f"item-{item}", FIRST + timedelta(days=day, hours=hour), 10.0 * item + hour)
            for day in days
            for item in range(items)
            for hour in (9, 15)
        ]
        with duckdb.connect(str(embedded_home() / "store.duckdb")) as database:
            database.execute("CREATE SCHEMA IF NOT EXISTS raw")
            database.execute(
                "CREATE TABLE IF NOT EXISTS raw.orders"
                " (item VARCHAR, ordered_at TIMESTAMPTZ, amount DOUBLE)"
            )
            database.executemany("INSERT INTO raw.orders VALUES (?, ?, ?)", rows)

    def runs(self, name: str) -> list[tuple[str, str, str]]:
        """Return kind, partition key and state of every run of a pipeline, oldest first."""
        found = self.api.runs(f"shop.{name}")
        return [(run["run_type"], run["partition_key"], run["state"]) for run in found]

    def wait_for(self, name: str, count: int, timeout: float = 90) -> list[tuple[str, str, str]]:
        """Wait until a pipeline has ``count`` finished runs."""

        def enough() -> list[tuple[str, str, str]] | None:
            runs = self.runs(name)
            done = [run for run in runs if run[2] in {"success", "failed"}]
            return runs if len(done) >= count and len(done) == len(runs) else None

        return self.api.wait(enough, f"{count} runs of shop.{name}", timeout)

    def states(self, name: str, key: str) -> dict[str, set[str]]:
        """Return the states of each task in the latest run of a partition."""
        run = [r for r in self.api.runs(f"shop.{name}") if r["partition_key"] == key][-1]
        found: dict[str, set[str]] = {}
        for task in self.api.tasks(f"shop.{name}", run["dag_run_id"]):
            found.setdefault(task["task_id"], set()).add(task["state"])
        return found

    def events(self, name: str) -> list[str]:
        """Return the partition keys of every asset event of a pipeline, in order of the key."""
        answer = self.api.get("assets/events", limit=100)["asset_events"]
        return sorted(e["partition_key"] for e in answer if e["name"] == f"shop.{name}")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(folder / "ml"))
        shop = Shop(folder)
        shop.order(range(4))
        with shop.airflow:
            names = ("demand", "doomed", "forecast", "sales")
            shop.api.wait_for_dags([f"shop.{name}" for name in names])
            yield shop
