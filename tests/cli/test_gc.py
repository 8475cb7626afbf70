"""Garbage collection from a shell: every store that the pipelines use, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.training import Attempt
from airflow_ml_provider.hooks.store import open_store
from tests.stores.world import NOW

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_what_is_old_is_counted_then_deleted_then_gone(shell, shop: Path):
    with open_store() as store:
        owner = Owner("shop.spend", "old run", "materialize")
        store.ledger.open_attempt(
            Attempt(owner.dag_id, owner.run_id, owner.task_id, -1, 1, "x", NOW)
        )

    counted, done, again = (shell("gc", *words) for words in (["--dry-run"], [], []))

    assert [each.code for each in (counted, done, again)] == [0, 0, 0]
    assert counted.out.endswith("store.duckdb: 1 attempts would go\n")
    assert done.out.endswith("store.duckdb: 1 attempts went\n")
    assert again.out.endswith("store.duckdb: nothing went\n")


@pytest.mark.parametrize(
    ("keep", "said"),
    [("soon", "'soon' is no duration"), ("1d", "a run may still be under way for 7 days")],
)
def test_a_time_that_is_none_or_too_short_deletes_nothing(shell, shop: Path, keep: str, said: str):
    told = shell("gc", "--keep", keep)

    assert told.code == 1
    assert said in told.err


def test_a_store_that_is_down_hides_no_other(shell, shop: Path, monkeypatch):
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(text.replace("owner: growth", "owner: growth\nstore: wh"))
    monkeypatch.setenv("AIRFLOW_CONN_WH", "postgresql://me:hunter2@127.0.0.1:9/shop")

    told = shell("gc")

    assert told.code == 1
    assert told.out.startswith("wh: postgresql://127.0.0.1:9/shop: ")
    assert "hunter2" not in told.out + told.err


def test_the_stores_are_those_of_the_profile(shell, shop: Path, monkeypatch):
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(f"{text}\nprofiles: {{prod: {{store: wh}}}}\n")
    monkeypatch.setenv("AIRFLOW_CONN_WH", "postgresql://me:hunter2@127.0.0.1:9/shop")

    assert shell("gc").code == 0
    assert shell("gc", "--profile", "prod").out.startswith("wh: postgresql://127.0.0.1:9/shop: ")
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__PROFILE", "prod")
    assert shell("gc").code == 1
