"""The doctor: what is ill in an installation, and how it is cured."""

from __future__ import annotations

import importlib.metadata
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from airflow_ml_provider.cli import doctor
from airflow_ml_provider.stores.sqlite import tables

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_a_healthy_installation_is_told_so(shell, shop: Path):
    told = shell("doctor")

    lines = told.out.splitlines()
    assert (told.code, lines[-1]) == (0, "All is well.")
    assert {line.split()[0] for line in lines[:-1]} == {"well"}
    assert any(line.startswith("well  pipelines             3 in dags") for line in lines)
    assert any("store.duckdb, without a ledger" in line for line in lines)

    shell("run", "shop.spend", "--partition", "2026-01-02")
    assert "store.duckdb, with a ledger" in shell("doctor").out


def test_a_store_that_is_down_is_named_with_what_needs_it(shell, shop: Path, monkeypatch):
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(text.replace("owner: growth", "owner: growth\nstore: wh"))
    monkeypatch.setenv("AIRFLOW_CONN_WH", "postgresql://me:hunter2@127.0.0.1:9/shop")

    told = shell("doctor")

    [ill] = [line for line in told.out.splitlines() if line.startswith("ill")]
    assert told.code == 1
    assert ill.startswith("ill   store wh              postgresql://127.0.0.1:9/shop: ")
    assert "Needed by shop.spend, shop.basket, shop.expected." in told.out
    assert "hunter2" not in told.out + told.err


def test_a_faulty_file_is_ill_and_hides_nobody(shell, shop: Path):
    (shop / "other.yaml").write_text("system: other\nsources: {}\nfeatures: []\n")

    told = shell("doctor")

    assert told.code == 1
    assert "Run: airflow-ml lint" in told.out
    assert "3 in dags" in told.out


def test_an_entry_point_that_is_not_there_is_ill(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [])

    found = list(doctor._entry_points())

    assert [each.state for each in found] == [doctor.State.ILL] * 2
    assert "Install airflow-ml-provider again" in str(found[0])


def test_a_missing_extra_is_only_a_note(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda module: None)

    found = list(doctor._extras())

    assert {each.state for each in found} == {doctor.State.NOTE}
    assert "pip install 'airflow-ml-provider[duckdb]'" in str(found[0])


def test_a_large_table_without_an_index_is_a_note(shell, shop: Path, tmp_path: Path, monkeypatch):
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE "shop.spend" (moment TIMESTAMPTZ)')
        connection.execute("INSERT INTO \"shop.spend\" VALUES ('2026-01-02 00:00:00')")
        connection.commit()
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(text.replace("owner: growth", "owner: growth\nstore: wh"))
    monkeypatch.setenv("AIRFLOW_CONN_WH", f"sqlite:///{path}")
    monkeypatch.setattr(tables, "LARGE", 1)

    told = shell("doctor")

    [note] = [line for line in told.out.splitlines() if line.startswith("note")]
    assert note.startswith(
        "note  table shop.spend      Table shop.spend is large and has no index"
    )
    assert 'Run: CREATE INDEX IF NOT EXISTS "ml shop.spend moment"' in note
