from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_ml_provider.demo import show
from airflow_ml_provider.demo.premises import DemoStore, Premises
from airflow_ml_provider.demo.server import LocalAirflow
from airflow_ml_provider.hooks.store import open_store

CHECKOUT = Path(__file__).parents[2]


def test_each_store_has_an_airflow_of_its_own(tmp_path: Path) -> None:
    duckdb, lake = (Premises.of(tmp_path, store) for store in DemoStore)
    assert duckdb.airflow != lake.airflow
    assert duckdb.environment == {}


@pytest.mark.parametrize(
    ("chosen", "address"),
    [
        (DemoStore.DUCKDB, "{home}/airflow/airflow_ml/store.duckdb"),
        (DemoStore.LAKE, "delta:{home}/airflow-lake/airflow_ml/lake"),
    ],
)
def test_whoever_names_no_store_finds_the_chosen_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: DemoStore, address: str
) -> None:
    environment = dict(os.environ)
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__STORE", "anothers")
    premises = Premises.of(tmp_path, chosen)

    show._settle(premises)

    with open_store(None) as store:
        assert store.address.endswith(address.format(home=tmp_path))
    airflow = LocalAirflow(premises.airflow, tmp_path, env=premises.environment)
    for name, value in premises.environment.items():
        assert airflow.environment[name] == value


def test_the_last_word_names_the_store_and_how_to_come_back(tmp_path: Path) -> None:
    told = dict(show._where_next(Premises.of(tmp_path, DemoStore.LAKE), 0.0))
    assert told["store"] == f"Delta Lake {tmp_path}/airflow-lake/airflow_ml/lake"
    assert "make demo STORE=lake UI=1" in told["look next"]


@pytest.mark.parametrize(
    "command",
    [
        ["make", "demo", "STORE=oracle", f"PYTHON={sys.executable}"],
        [sys.executable, "-m", "airflow_ml_provider.cli", "demo", "--store", "oracle"],
    ],
    ids=["make", "airflow-ml"],
)
def test_a_store_that_the_demo_does_not_know_is_refused_before_anything_is_done(
    command: list[str],
) -> None:
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    for word in ("oracle", "duckdb", "lake"):
        assert word in done.stderr
    assert "Making" not in done.stdout
