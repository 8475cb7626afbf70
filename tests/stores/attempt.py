"""An attempt: a write in a process of its own, which can be killed, frozen, held and raced."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Self

import adbc_driver_postgresql.dbapi  # noqa: F401  loaded once, before the processes are forked
import duckdb  # noqa: F401
import pyarrow as pa

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.world import claim, day, put, readings

STEPS = ("claimed", "begun", "locked", "deleted", "loaded", "audited", "noted", "committed")
RELEASED = "released"
LOADING = "loading"
_LONGEST_WAIT = 120.0

# Processes are forked from a server that has nothing open and the libraries in memory.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Plan:
    """
    What one process writes, and how far it comes: ``count`` readings of a day, from ``value`` on.

    Like a task it claims, lets others at the store (RELEASED), and replaces. ``way`` is 'arrow' or
    'sql'. It dies by SIGKILL after the step ``dies``; after the step ``holds`` (or in the middle
    of its rows: LOADING) it waits until it is told to go on.
    """

    place: Place
    count: int
    value: float
    number: int = 5
    way: str = "arrow"
    dies: str | None = None
    holds: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the change it made, or its error."""

    change: str | None = None
    token: int | None = None
    error: str | None = None
    message: str = ""


class Attempt:
    """The process of a plan, seen from the test. Leaving the ``with`` block ends it."""

    def __init__(self, plan: Plan) -> None:
        self._said, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=_write, args=(plan, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.join()
        self._said.close()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def _heard(self) -> Any:
        assert self._said.poll(_LONGEST_WAIT), "The attempt has said nothing for too long."
        return self._said.recv()

    def reaches(self, step: str) -> None:
        """Wait until the process has done ``step``."""
        heard = None
        while heard != step:
            heard = self._heard()
            assert not isinstance(heard, Outcome), heard

    def goes_on(self) -> None:
        """Let a process that holds go on."""
        self._said.send("go on")

    def outcome(self) -> Outcome:
        """Wait for the end of a process that lives."""
        heard = self._heard()
        while not isinstance(heard, Outcome):
            heard = self._heard()
        return heard

    def dies(self) -> None:
        """Wait for the death that was planned."""
        self._process.join(_LONGEST_WAIT)
        assert self._process.exitcode == -signal.SIGKILL

    def killed(self) -> None:
        """Kill the process, wherever it is."""
        self._process.kill()
        self._process.join()

    def frozen(self) -> None:
        """Stop the process as a machine that swaps or a network that is cut does."""
        os.kill(self.pid, signal.SIGSTOP)

    def thawed(self) -> None:
        """Let a frozen process run again."""
        os.kill(self.pid, signal.SIGCONT)


def made(count: int, value: float, number: int = 5) -> Query:
    """Return the SELECT that makes the same rows as ``readings``."""
    return Query(
        "SELECT :start + n * INTERVAL '1 second' AS ts, 's' || CAST(n % 3 AS TEXT) AS sensor, "
        "CAST(:value + n AS DOUBLE PRECISION) AS value FROM generate_series(0, :last) AS made(n)",
        {"start": day(number).start, "value": value, "last": count - 1},
    )


def _write(plan: Plan, said: Connection) -> None:
    def on_step(step: str) -> None:
        said.send(step)
        if step == plan.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == plan.holds:
            said.recv()

    try:
        with open_store(
            plan.place.kind, plan.place.location, on_step=on_step, **plan.options
        ) as store:
            mine = claim(store, day(plan.number))
            store.release()
            on_step(RELEASED)
            done = put(store, day(plan.number), _rows(plan, on_step), claimed=mine)
    except MLProviderError as error:
        said.send(Outcome(error=type(error).__name__, message=str(error)))
    else:
        said.send(Outcome(str(done.change), done.line.committed_token))


def _rows(plan: Plan, on_step: Any) -> Any:
    if plan.way == "sql":
        return made(plan.count, plan.value, plan.number)
    rows = readings(day(plan.number), plan.count, plan.value)

    def batches() -> Iterator[pa.RecordBatch]:
        first, *rest = rows.to_batches(max_chunksize=-(-plan.count // 2))
        yield first
        on_step(LOADING)
        yield from rest

    return pa.RecordBatchReader.from_batches(rows.schema, batches())
