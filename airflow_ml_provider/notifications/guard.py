"""The guard around a callback: it may not hang, since its whole Dag file would go with it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from airflow_ml_provider.domain.errors import MLProviderError

ALLOWED = frozenset(
    {
        "DagFileParsingResult",
        "DeleteVariable",
        "GetConnection",
        "GetPrevSuccessfulDagRun",
        "GetPreviousDagRun",
        "GetPreviousTI",
        "GetTICount",
        "GetTaskStates",
        "GetVariable",
        "GetVariableKeys",
        "GetXCom",
        "GetXComCount",
        "GetXComSequenceItem",
        "GetXComSequenceSlice",
        "MaskSecret",
        "PutVariable",
    }
)
"""The messages that the Dag processor answers; to any other the caller waits for ever."""


class UnansweredCallError(MLProviderError):
    """A call that the Dag processor would never answer."""


class TimeIsUpError(BaseException):
    """The time of a callback is over; no ``except Exception`` on the way may swallow this."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """
    Interrupt the body after ``seconds``; outside of the main thread it is left to run.

    May be nested: the outer limit goes on counting.

    :raises TimeIsUpError: when the time is over.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    began = time.monotonic()
    outer, _ = signal.getitimer(signal.ITIMER_REAL)
    former = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, outer or seconds))
    try:
        yield
    finally:
        left = max(outer - (time.monotonic() - began), 0.001) if outer else 0.0
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, former)


@contextmanager
def answered_calls_only() -> Iterator[None]:
    """Let only those messages to the supervisor through that a Dag-level callback may send."""
    from airflow.sdk.execution_time import task_runner

    comms = getattr(task_runner, "SUPERVISOR_COMMS", None)
    if comms is None:
        yield
        return
    task_runner.SUPERVISOR_COMMS = _Guarded(comms)  # type: ignore[assignment]
    try:
        yield
    finally:
        task_runner.SUPERVISOR_COMMS = comms


class _Guarded:
    """The channel to the supervisor, without the messages that it does not know."""

    def __init__(self, comms: Any) -> None:
        self._comms = comms

    def __getattr__(self, name: str) -> Any:
        return getattr(self._comms, name)

    def send(self, msg: Any) -> Any:
        kind = type(msg).__name__
        if kind not in ALLOWED:
            text = f"{kind} is not answered in a Dag-level callback: the call would hang."
            raise UnansweredCallError(text)
        return self._comms.send(msg)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise TimeIsUpError
