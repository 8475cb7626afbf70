"""A user's own pipeline under reruns, kills and races, in real processes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.hooks.store import open_store
from airflow_ml_provider.proof import fixture
from airflow_ml_provider.proof.trial import Report

KEY = "2026-01-02"
YAML = """\
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: moment}
features:
  spend: {every: day, entity: [customer], time: moment, from: [orders], python: proof_ml:spend}
  luck: {every: day, entity: [customer], time: moment, from: [orders], python: proof_ml:luck}
  hour: {every: day, entity: [customer], time: moment, from: [orders], python: proof_ml:nothing}
"""
CODE = """\
import random


def spend(window, orders):
    print("a word on standard output")
    return orders


def luck(window, orders):
    return orders.set_column(2, "amount", [[random.random() for _ in range(orders.num_rows)]])


def nothing(window, orders):
    raise ValueError("no such thing")
"""

Prove = Callable[..., Report]
prove_idempotent = fixture.prove_idempotent


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small system, and a day of its orders into the embedded store."""
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "shop.yaml").write_text(YAML)
    (tmp_path / "proof_ml.py").write_text(CODE)
    begin = datetime(2026, 1, 2, tzinfo=UTC)
    rows = [(f"c{n % 3}", begin + timedelta(hours=n), float(n)) for n in range(24)]
    with duckdb.connect(str(tmp_path / "home" / "store.duckdb")) as database:
        database.execute("CREATE SCHEMA raw")
        database.execute(
            "CREATE TABLE raw.orders (customer VARCHAR, moment TIMESTAMPTZ, amount DOUBLE)"
        )
        database.executemany("INSERT INTO raw.orders VALUES (?, ?, ?)", rows)
    return tmp_path


def tables(shop: Path) -> list[str]:
    with duckdb.connect(str(shop / "home" / "store.duckdb")) as database:
        rows = database.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE schema_name != 'main' ORDER BY 1"
        ).fetchall()
    return [name for (name,) in rows]


def test_a_pipeline_that_may_be_run_again_is_proven_and_nothing_is_left(
    shop: Path, prove_idempotent: Prove
) -> None:
    report = prove_idempotent("shop.spend", KEY, dags=shop)

    assert report.proven
    assert {outcome.left.rows for outcome in report.outcomes if outcome.left} == {24}
    names = [outcome.trial.name for outcome in report.outcomes]
    assert names[:3] == ["run", "run, and run again", "killed when claimed"]
    assert names[-2:] == ["killed when committed", "two at once"]
    assert tables(shop) == ["raw.orders"]
    with open_store() as store:
        assert store.ledger.line(TableName("shop", "spend"), KEY) is None


def test_a_pipeline_that_throws_dice_is_found_out(shop: Path, prove_idempotent: Prove) -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        prove_idempotent("shop.luck", KEY, dags=shop, into="lab")

    said = str(failure.value).splitlines()
    # Only the first is like itself.
    assert said[-1] == "Not proven: 10 of 11 trials left something else."
    assert "other content from the same inputs: the code reads a clock" in said[3]
    assert tables(shop) == ["raw.orders"]


def test_a_pipeline_that_cannot_be_computed_cannot_be_proven(
    shop: Path, prove_idempotent: Prove
) -> None:
    with pytest.raises(DataError, match=r"cannot be proven.*no such thing"):
        prove_idempotent("shop.hour", KEY, dags=shop)
    assert tables(shop) == ["raw.orders"]
