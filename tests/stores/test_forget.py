"""Scratch tables, models and runs leave nothing behind."""

from __future__ import annotations

from datetime import timedelta

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.staleness import Mark
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import Judgement, Pin
from tests.stores.world import NOW, READINGS, day, put, readings, values

SCRATCH = TableName("scratch", "readings")


def test_a_forgotten_table_is_gone_with_its_lines_and_no_other(store: Store) -> None:
    for table in (READINGS, SCRATCH):
        put(store, day(5), readings(day(5), 3), table=table)

    store.forget(SCRATCH)

    assert store.columns(SCRATCH) == ()
    assert store.ledger.line(SCRATCH, day(5).key) is None
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    assert store.ledger.line(READINGS, day(5).key) is not None


def test_after_it_was_forgotten_a_table_begins_anew(store: Store) -> None:
    put(store, day(5), readings(day(5), 3), table=SCRATCH)
    store.forget(SCRATCH)
    store.forget(SCRATCH)

    done = put(store, day(5), readings(day(5), 2).drop_columns(["value"]), table=SCRATCH)

    assert (done.line.token, done.line.changed_token) == (1, 1)
    assert len(store.columns(SCRATCH)) == 2


def test_a_forgotten_model_leaves_the_others(store: Store) -> None:
    ledger = store.ledger
    for model in ("scratch", "real"):
        ledger.record_judgement(Judgement(model, NOW, "STALE", "age", "k", trains=True, at=NOW))
        ledger.mark_stale(model, Mark("because", "me", NOW))
        ledger.register_once(model, "k", lambda: "1")
        assert ledger.move_alias(model, "champion", Reign(1, "1", NOW, NOW, "me", ""), 0)

    ledger.forget_model("scratch")

    assert ledger.judgements("scratch") == []
    assert ledger.stale_mark("scratch") is None
    assert ledger.reigns("scratch", "champion") == []
    assert ledger.register_once("scratch", "k", lambda: "2") == "2"
    assert ledger.move_alias("scratch", "champion", Reign(1, "2", NOW, NOW, "me", ""), 0)
    assert len(ledger.judgements("real")) == 1
    assert ledger.stale_mark("real") is not None
    assert ledger.register_once("real", "k", lambda: "2") == "1"
    assert len(ledger.reigns("real", "champion")) == 1


def test_a_forgotten_run_may_be_pinned_anew(store: Store) -> None:
    first = Pin("run", "model", "1", {}, 1, "first")
    other = Pin("other", "model", "1", {}, 1, "other")
    second = Pin("run", "model", "2", {"a": str(NOW + timedelta(1))}, 2, "second")
    for pin in (first, other):
        store.ledger.pin(pin)

    store.ledger.forget_run("run")

    assert store.ledger.pin(second) == second
    assert store.ledger.pin(Pin("other", "model", "2", {}, 1, "later")) == other
