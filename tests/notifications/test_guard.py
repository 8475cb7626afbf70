from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Any, get_args

import pytest
from airflow.dag_processing.processor import ToManager
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetConnection, GetDagRun

from airflow_ml_provider.notifications.guard import (
    ALLOWED,
    TimeIsUpError,
    UnansweredCallError,
    answered_calls_only,
    within,
)


class Supervisor:
    """Stands where the socket to the supervisor is, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, msg: Any) -> str:
        self.sent.append(msg)
        return "an answer"


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    comms = Supervisor()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    return comms


def test_what_is_allowed_is_what_the_dag_processor_answers() -> None:
    answered = {kind.__name__ for kind in get_args(get_args(ToManager)[0])}
    assert answered == ALLOWED


def test_a_call_that_would_hang_raises_at_once(supervisor: Supervisor) -> None:
    with answered_calls_only(), pytest.raises(UnansweredCallError, match="GetDagRun"):
        task_runner.SUPERVISOR_COMMS.send(GetDagRun(dag_id="d", run_id="r"))
    assert supervisor.sent == []


def test_an_answered_call_goes_through_and_the_guard_goes_away(supervisor: Supervisor) -> None:
    with answered_calls_only():
        answer = task_runner.SUPERVISOR_COMMS.send(GetConnection(conn_id="c"))
        assert task_runner.SUPERVISOR_COMMS.sent == supervisor.sent
    assert answer == "an answer"
    assert task_runner.SUPERVISOR_COMMS is supervisor


def test_a_body_that_hangs_is_interrupted_even_where_everything_is_caught() -> None:
    def stubborn() -> None:
        while True:
            with suppress(Exception):
                signal.pause()

    with pytest.raises(TimeIsUpError), within(0.05):
        stubborn()


def test_an_inner_limit_leaves_the_outer_one_running() -> None:
    def body() -> None:
        with pytest.raises(TimeIsUpError), within(0.05):
            signal.pause()
        signal.pause()

    with pytest.raises(TimeIsUpError), within(0.2):
        body()


def test_a_limit_leaves_no_alarm_behind() -> None:
    former = signal.getsignal(signal.SIGALRM)
    with within(30):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is former


def test_in_another_thread_the_body_just_runs() -> None:
    ran: list[bool] = []

    def body() -> None:
        with within(0.001):
            ran.append(True)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert ran == [True]
