from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow.sdk import timezone

from airflow_ml_provider.domain.readiness import SourceRule
from airflow_ml_provider.steps.readiness import needs
from airflow_ml_provider.triggers.data_ready import DataReadyTrigger
from airflow_ml_provider.triggers.needs import (
    needs_from_plain,
    needs_to_plain,
    window_from_plain,
    window_to_plain,
)
from tests.steps.conftest import day


@pytest.fixture
def trigger(city, monkeypatch):
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(city.folder))
    city.store.release()

    def build(view=None, key="2024-01-02", patience=timedelta(minutes=5), interval=0.01):
        return DataReadyTrigger(
            needs=needs_to_plain(needs(view or city.view)),
            window=window_to_plain(day(key)),
            store_conn_id=None,
            poke_interval=interval,
            deadline=(timezone.utcnow() + patience).isoformat(),
        )

    return build


async def first(trigger):
    return await anext(trigger.run())


def outcome(trigger):
    return asyncio.run(first(trigger)).payload


def test_it_is_built_again_from_its_own_serialization(trigger):
    one = trigger()
    path, arguments = one.serialize()
    assert path == "airflow_ml_provider.triggers.data_ready.DataReadyTrigger"
    again = DataReadyTrigger(**json.loads(json.dumps(arguments)))
    assert again.serialize() == one.serialize()


def test_needs_and_windows_come_back_as_they_were(city):
    rule = SourceRule(rows_min=3, watermark=True, lateness=timedelta(hours=6))
    view = replace(city.view, sources=(replace(city.view.sources[0], rule=rule),))
    for wanted in (needs(view), needs(city.prediction)):
        assert needs_from_plain(json.loads(json.dumps(needs_to_plain(wanted)))) == wanted
    window = day("2024-01-02")
    assert window_from_plain(json.loads(json.dumps(window_to_plain(window)))) == window


def test_a_window_that_is_ready_fires_with_its_reason(trigger):
    event = outcome(trigger())
    assert event["verdict"] == "READY"
    assert "72 rows in the window" in event["reason"]


def test_it_goes_on_when_the_data_arrives(city, trigger):
    async def story():
        waiting = asyncio.ensure_future(first(trigger(key="2024-01-11")))
        await asyncio.to_thread(
            city.sql,
            "INSERT INTO raw.trips SELECT station, moment + INTERVAL 1 DAY, riders, minutes"
            " FROM raw.trips WHERE moment::date = DATE '2024-01-10'",
        )
        return await asyncio.wait_for(waiting, 60)

    assert asyncio.run(story()).payload["verdict"] == "READY"


def test_a_deadline_in_the_past_ends_the_wait_with_the_last_reason(trigger):
    event = outcome(trigger(key="2024-01-11", patience=-timedelta(days=1)))
    assert event["verdict"] == "WAIT"
    assert "0 rows in the window" in event["reason"]


def test_a_table_that_does_not_exist_ends_the_wait_for_good(city, trigger):
    event = outcome(trigger(view=city.missing_source()))
    assert event["verdict"] == "NEVER"
    assert "raw.tripz" in event["reason"]


def test_a_locked_store_is_a_reason_to_wait(trigger, monkeypatch):
    from airflow_ml_provider.domain.errors import UnavailableError
    from airflow_ml_provider.triggers import look

    def locked(*_: object) -> object:
        raise UnavailableError("locked by process 7")

    monkeypatch.setattr(look, "open_store", locked)
    event = outcome(trigger(patience=-timedelta(days=1)))
    assert event["verdict"] == "WAIT"
    assert "locked by process 7" in event["reason"]


def test_the_loop_goes_on_while_a_store_takes_its_time(trigger, monkeypatch):
    one = trigger()
    ticked = threading.Event()
    look = one._look

    def slow():
        assert ticked.wait(60), "the loop stood still"
        return look()

    monkeypatch.setattr(one, "_look", slow)

    async def story():
        waiting = asyncio.ensure_future(first(one))
        await asyncio.sleep(0)
        ticked.set()
        return await waiting

    assert asyncio.run(story()).payload["verdict"] == "READY"


def test_a_reason_is_logged_when_it_changes_and_not_at_every_look(trigger, monkeypatch, capsys):
    from airflow_ml_provider.domain.readiness import Condition, Verdict, readiness

    seen = iter(
        readiness([Condition("rows", verdict, observed, "3")])
        for verdict, observed in (
            (Verdict.WAIT, "1"),
            (Verdict.WAIT, "1"),
            (Verdict.WAIT, "2"),
            (Verdict.READY, "3"),
        )
    )
    one = trigger()
    monkeypatch.setattr(one, "_look", lambda: next(seen))
    assert outcome(one)["verdict"] == "READY"
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("rows: ")[2][0] for line in lines] == ["1", "2", "3"]
