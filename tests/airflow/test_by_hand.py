"""The flights system twice on one real Airflow, from YAML and by hand: both make the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.demo.data import load_raw
from airflow_ml_provider.demo.server import LocalAirflow
from airflow_ml_provider.demo.show import dags_folder
from airflow_ml_provider.hooks.home import embedded_home
from airflow_ml_provider.hooks.store import open_store

pytestmark = [pytest.mark.airflow, pytest.mark.e2e]

BY_HAND = Path(__file__).parent / "by_hand" / "flights_by_hand.py"
SYSTEMS = ("flights", "flights_by_hand")
NAMES = ("route_delays", "arrival_delay", "expected_delays")
FIRST_DAYS, THIRD, FOURTH = ("2013-01-01", "2013-01-02"), "2013-01-03", "2013-01-04"
PATIENCE = 300


@dataclass(frozen=True, slots=True)
class TwoSystems:
    """One Airflow with both Dag files, and a copy of the raw records for each."""

    airflow: LocalAirflow
    files: dict[str, Path]

    def play(self, *days: str) -> None:
        """Run the features of some days in both systems, and wait for all that they start."""
        api, count = self.airflow.api, len(days)
        known = {dag_id: len(api.runs(dag_id)) for dag_id in dag_ids()}
        for system in SYSTEMS:
            for day in days:
                api.trigger(f"{system}.route_delays", day)

        def through() -> bool:
            runs = {dag_id: api.runs(dag_id) for dag_id in dag_ids()}
            for dag_id, found in runs.items():
                failed = [run["dag_run_id"] for run in found if run["state"] == "failed"]
                assert failed == [], f"{dag_id} failed: {failed}"
            return all(
                len([run for run in found if run["state"] == "success"]) >= known[dag_id] + count
                for dag_id, found in runs.items()
            )

        api.wait(through, f"all runs of {', '.join(days)}", PATIENCE)

    def states(self, dag_id: str, day: str) -> dict[str, str]:
        [run] = [each for each in self.airflow.api.runs(dag_id) if each["partition_key"] == day]
        tasks = self.airflow.api.tasks(dag_id, run["dag_run_id"])
        return {each["task_id"]: each["state"] for each in tasks}

    def rows(self, system: str, select: str) -> list[tuple[object, ...]]:
        """Read from the tables of a system, when nothing runs any more."""
        with duckdb.connect(str(self.files[system])) as database:
            database.execute(f"SET TimeZone = 'UTC'; USE {system}")
            return database.execute(select).fetchall()


def dag_ids() -> list[str]:
    return [f"{system}.{name}" for system in SYSTEMS for name in NAMES]


def dags_of(folder: Path) -> Path:
    """Copy both systems, told to train on two days instead of seven, so that four are enough."""
    dags = Path(shutil.copytree(dags_folder(), folder / "dags"))
    for source, said, instead in (
        (dags / "flights.yaml", "window: 7d", "window: 2d"),
        (BY_HAND, "WINDOW_DAYS = 7", "WINDOW_DAYS = 2"),
    ):
        text = source.read_text()
        assert said in text
        (dags / source.name).write_text(text.replace(said, instead))
    return dags


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSystems]:
    folder = tmp_path_factory.mktemp("both")
    by_hand, registry = folder / "by_hand.duckdb", f"sqlite:///{folder}/by_hand.mlflow.db"
    home = str(folder / "ml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__AIRFLOW_ML__HOME", home)
        with open_store() as store:
            load_raw(store, now=datetime.now(UTC))
        shutil.copy(embedded_home() / "store.duckdb", by_hand)
        airflow = LocalAirflow(
            folder / "airflow",
            dags_of(folder),
            env={
                "AIRFLOW__AIRFLOW_ML__HOME": home,
                "FLIGHTS_DUCKDB": str(by_hand),
                "MLFLOW_TRACKING_URI": registry,
            },
        )
        with airflow:
            airflow.api.post("pools", {"name": "flights_duckdb", "slots": 1})
            airflow.api.wait_for_dags(dag_ids())
            ours = embedded_home() / "store.duckdb"
            yield TwoSystems(airflow, dict(zip(SYSTEMS, (ours, by_hand), strict=True)))


def test_both_make_the_same_of_the_same_days(both: TwoSystems) -> None:
    # Two days are too few to train on: labels need a day to mature.
    both.play(*FIRST_DAYS)
    both.play(THIRD)
    for system in SYSTEMS:
        assert both.states(f"{system}.arrival_delay", THIRD)["promote"] == "success"

    # The fourth day is scored by the model of the third, which is fresh.
    both.play(FOURTH)
    for system in SYSTEMS:
        assert both.states(f"{system}.arrival_delay", FOURTH)["train"] == "skipped"

    both.airflow.stop()  # and the files are free
    ours, by_hand = (both.rows(each, "FROM route_delays ORDER BY ALL") for each in SYSTEMS)
    assert len(ours) > 1_000
    assert ours == by_hand
    # By hand, whether the third day is scored depends on which of two runs is faster.
    scores = (
        "SELECT origin, dest, hour, expected_delay FROM expected_delays "
        "WHERE hour >= TIMESTAMPTZ '2013-01-04 05:00:00+00' ORDER BY ALL"
    )
    ours, by_hand = (both.rows(each, scores) for each in SYSTEMS)
    assert len(ours) > 500
    assert [row[:3] for row in ours] == [row[:3] for row in by_hand]
    assert [row[3] for row in ours] == pytest.approx([row[3] for row in by_hand])
