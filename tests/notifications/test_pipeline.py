from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG as SDKDag, BaseOperator  # noqa: N811

from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.training import Attempt
from airflow_ml_provider.hooks.store import open_store
from airflow_ml_provider.notifications import PipelineNotifier
from airflow_ml_provider.notifications.facts import failed_tasks

DAG, RUN = "flights.route_delays", "scheduled__2013-01-05"
PIPELINE = SDKDag(DAG, schedule=None)
BaseOperator(task_id="materialize", owner="ml-platform", dag=PIPELINE)
NOON = datetime(2013, 1, 6, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.test")
    return tmp_path


@pytest.fixture
def alerts(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = home / "alerts.log"
    connection = {"conn_type": "fs", "extra": {"path": str(path)}}
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS", json.dumps(connection))
    return path


def context(
    states: dict[str, str], get: Callable[..., Any] | None = None, **more: Any
) -> dict[str, Any]:
    def get_task_states(dag_id: str, run_ids: list[str]) -> dict[str, Any]:
        assert (dag_id, run_ids) == (DAG, [RUN])
        return {RUN: states}

    return {
        "dag": PIPELINE,
        "run_id": RUN,
        "partition_key": "2013-01-05",
        "reason": "task_failure",
        "ti": SimpleNamespace(get_task_states=get or get_task_states),
        **more,
    }


def attempt(task_id: str, number: int = 1, map_index: int = -1) -> Attempt:
    return Attempt(DAG, RUN, task_id, map_index, number, "route_delays 2013-01-05", NOON)


def test_every_failed_task_is_told_with_the_cause_that_the_ledger_has(alerts: Path) -> None:
    with open_store() as store:
        store.ledger.open_attempt(attempt("materialize"))
        store.ledger.close_attempt(
            Owner(DAG, RUN, "materialize"), NOON, "DATA", "rows failed: 3 rows"
        )
        store.ledger.open_attempt(attempt("predict", 2, 7))

    PipelineNotifier(["alerts"]).notify(
        context({"materialize": "failed", "predict_7": "failed", "publish": "upstream_failed"})
    )

    told = alerts.read_text()
    assert "materialize (DATA, try 1): rows failed: 3 rows" in told
    assert "predict[7] (killed, try 2)" in told
    assert "Not run because of it: publish." in told
    assert "Owner: ml-platform" in told
    assert f"http://airflow.test/dags/{DAG}/runs/{RUN}" in told


def test_the_last_try_of_a_task_is_the_one_that_counts() -> None:
    tries = [attempt("train", 1), attempt("train", 2)]
    [task] = failed_tasks({"train": "failed", "evaluate": "success"}, tries)
    assert (task.try_number, task.killed) == (2, True)


def test_a_store_that_is_down_does_not_keep_the_alert_back(
    alerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", "postgres://ml:hunter2@127.0.0.1:1/store")

    PipelineNotifier(["alerts"], store_conn_id="nowhere").notify(context({"train": "failed"}))

    told = alerts.read_text()
    assert "train (cause unknown)" in told
    assert "could not be asked for causes" in told
    assert "hunter2" not in told


def test_a_channel_that_fails_is_logged_and_the_next_one_is_told(
    alerts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CHAT", "slackwebhook://hooks.slack.test/?password=x")
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("AIRFLOW_CONN_TABLES", "postgres://127.0.0.1:1/store")
    everyone = ["chat", "mail", "tables", "unheard_of", "alerts"]

    PipelineNotifier(everyone).notify(context({"train": "failed"}))

    assert "train" in alerts.read_text()
    logged = capsys.readouterr().out
    assert "did not reach chat: Connection 'chat' needs the Airflow provider" in logged
    assert "did not reach mail: Connection 'mail' does not say where alerts go" in logged
    assert "did not reach tables: Connection 'tables' is of type 'postgres'" in logged
    assert "did not reach unheard_of" in logged


def test_without_channels_it_is_logged_as_an_error(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PipelineNotifier().notify(context({"train": "failed"}))
    first = capsys.readouterr().out.splitlines()[0]
    assert "[error" in first
    assert "flights.route_delays failed for partition 2013-01-05" in first


def test_a_callback_that_hangs_is_cut_off(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Hanging(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            signal.pause()

    monkeypatch.setattr("airflow_ml_provider.notifications.pipeline._SECONDS", 0.05)
    PipelineNotifier().notify(Hanging(context({})))  # type: ignore[arg-type]
    assert "cut off" in capsys.readouterr().out


def test_what_airflow_does_not_say_in_time_keeps_no_alert_back(
    alerts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_ml_provider.notifications.facts._SECONDS", 0.05)

    def never_answered(**_: Any) -> Any:
        signal.pause()

    PipelineNotifier(["alerts"]).notify(context({}, never_answered))
    told = alerts.read_text()
    assert "flights.route_delays failed for partition 2013-01-05" in told
    assert "Airflow did not say within 0 s which tasks failed." in told


def test_a_channel_that_hangs_is_logged_and_the_next_one_is_told(
    alerts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = alerts.with_name("nobody_reads_it")
    os.mkfifo(pipe)
    monkeypatch.setenv(
        "AIRFLOW_CONN_PIPE", json.dumps({"conn_type": "fs", "extra": {"path": str(pipe)}})
    )
    monkeypatch.setattr("airflow_ml_provider.notifications.pipeline._CHANNEL_SECONDS", 0.5)
    PipelineNotifier(["pipe", "alerts"]).notify(context({"train": "failed"}))
    assert "train" in alerts.read_text()
    assert "may not have reached pipe: no answer within 0 s" in capsys.readouterr().out


def test_a_timeout_before_the_first_task_is_told_too(alerts: Path) -> None:
    bare = {"dag": PIPELINE, "run_id": RUN, "reason": "timed_out"}
    PipelineNotifier(["alerts"]).notify(bare)  # type: ignore[arg-type]
    assert "It ran out of time." in alerts.read_text()


def test_the_context_of_the_next_callback_is_left_as_it_was(alerts: Path) -> None:
    shared = context({"train": "failed"})
    before = dict(shared)
    PipelineNotifier(["alerts"])(shared)
    assert shared == before


@pytest.mark.parametrize(("state", "told"), [("running", True), ("failed", False)])
def test_a_deadline_tells_a_late_run_but_not_a_failed_one(
    alerts: Path, state: str, told: bool
) -> None:
    run = {"dag_id": DAG, "dag_run_id": RUN, "partition_key": "2013-01-05", "state": state}
    asyncio.run(PipelineNotifier(["alerts"]).async_notify({"dag_run": run}))  # type: ignore[typeddict-item]
    assert alerts.exists() is told
    if told:
        assert "is late for partition 2013-01-05" in alerts.read_text()
