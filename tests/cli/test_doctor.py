"""The doctor: what is ill in an installation, and how it is cured."""

from __future__ import annotations

import importlib.metadata
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from airflow_ml_provider.cli import doctor
from airflow_ml_provider.cli.dropped import EVENTS, dropped
from airflow_ml_provider.cli.finding import State
from airflow_ml_provider.cli.settings import settings
from airflow_ml_provider.spec.catalog import catalog
from airflow_ml_provider.stores.sqlite import tables

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_a_healthy_installation_is_told_so(shell, shop: Path):
    told = shell("doctor")

    lines = told.out.splitlines()
    assert (told.code, lines[-1]) == (0, "All is well.")
    notes = [line for line in lines[:-1] if not line.startswith("well")]
    assert [line.split()[:3] for line in notes] == [
        ["note", "asset", "events"]
    ]  # no database here
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

    assert [each.state for each in found] == [State.ILL] * 2
    assert "Install airflow-ml-provider again" in str(found[0])


def test_a_missing_extra_is_only_a_note(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda module: None)

    found = list(doctor._extras())

    assert {each.state for each in found} == {State.NOTE}
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

    [note] = [line for line in told.out.splitlines() if line.startswith("note  table")]
    assert note.startswith(
        "note  table shop.spend      Table shop.spend is large and has no index"
    )
    assert 'Run: CREATE INDEX IF NOT EXISTS "ml shop.spend moment"' in note


def test_stubs_that_are_out_of_date_are_ill_and_nobody_has_to_have_any(shell, shop: Path):
    assert "well  stubs" not in shell("doctor").out

    shell("compile")
    assert "well  stubs                 3, as their YAML wants them" in shell("doctor").out

    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(text.replace("  expected:", "  awaited:"))
    told = shell("doctor")
    assert told.code == 1
    assert "ill   stubs                 1 out of date, 1 missing" in told.out
    assert "Run: airflow-ml compile" in told.out


def test_a_connection_that_failures_are_told_to_has_to_be_there(shell, shop: Path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CHAT", "slack://:hunter2@")
    text = (shop / "shop.yaml").read_text()
    text = text.replace("owner: growth", "owner: growth\nalert: [chat, nobody]")
    (shop / "shop.yaml").write_text(text)

    told = shell("doctor")

    assert told.code == 1
    assert "well  alert chat            of type slack" in told.out
    assert "ill   alert nobody          there is no such connection, and failures of" in told.out
    assert "hunter2" not in told.out + told.err


def test_what_a_store_cannot_do_is_told(shell, shop: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WH", f"sqlite:///{tmp_path / 'wh.db'}")
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(text.replace("owner: growth", "owner: growth\nstore: wh"))

    assert "lacking row_lock, nan (see doc/stores.md)" in shell("doctor").out


def test_settings_that_are_small_for_so_many_pipelines_are_told(shop: Path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE", "False")
    [entry] = catalog(shop).entries[:1]

    few = {each.what: each.state for each in settings([entry])}
    many = {each.what: each.state for each in settings([entry] * 4000)}

    assert few == {
        "yaml edits": State.WELL,
        "[triggerer] capacity": State.WELL,
        "new Dag files": State.WELL,
        "[core] dag_discovery_safe_mode": State.NOTE,
    }
    assert [what for what, state in many.items() if state is State.NOTE] == [
        "[core] dagbag_import_timeout",
        "[dag_processor] dag_file_processor_timeout",
        "parsing",
        "[triggerer] capacity",
        "[core] dag_discovery_safe_mode",
    ]


@pytest.fixture
def event_log(tmp_path: Path, monkeypatch):
    """Make a database with Airflow's event log, and write into it."""
    from airflow import settings as airflow
    from airflow.models.log import Log

    url = f"sqlite:///{tmp_path / 'airflow.db'}"
    monkeypatch.setattr(airflow, "SQL_ALCHEMY_CONN", url)
    engine = sqlalchemy.create_engine(url)

    def write(*rows: tuple[str, str, datetime, str]) -> None:
        Log.__table__.create(engine, checkfirst=True)
        with engine.begin() as connection:
            for event, dag_id, moment, extra in rows:
                values = {"event": event, "dag_id": dag_id, "dttm": moment, "extra": extra}
                connection.execute(sqlalchemy.insert(Log.__table__).values(**values))

    yield write
    engine.dispose()


def test_events_that_airflow_dropped_are_read_in_its_log(event_log):
    now = datetime.now(UTC)
    event_log(
        ("missing partition key", "shop.spend", now - timedelta(hours=2), "asset_id=1\nand more"),
        ("missing partition key", "shop.spend", now - timedelta(days=9), "long ago"),
        ("missing partition key", "of.others", now, "not ours"),
        ("success", "shop.spend", now, "all is well"),
    )

    found = dropped({"shop.spend"}, now)

    assert found.state is State.ILL
    assert found.said.startswith("1 dropped in the last 7 days, the last one of shop.spend on ")
    assert found.said.endswith("missing partition key. asset_id=1")
    assert dropped({"shop.basket"}, now).state is State.WELL


def test_where_airflows_database_does_not_answer_none_is_made(event_log, tmp_path: Path):
    found = dropped({"shop.spend"}, datetime.now(UTC))

    assert found.state is State.NOTE
    assert not (tmp_path / "airflow.db").exists()


def test_the_names_of_the_events_are_airflows():
    from airflow.assets import manager

    text = Path(manager.__file__).read_text()
    assert [event for event in EVENTS if f'event="{event}"' not in text] == []
