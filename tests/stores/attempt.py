"""An attempt: a write in a process of its own, as far as its plan says."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.schema import SchemaPolicy
from tests.stores.actor import Actor
from tests.stores.conftest import Place
from tests.stores.doors import open_store
from tests.stores.made import made
from tests.stores.world import claim, day, put, readings

STEPS = ("claimed", "begun", "locked", "deleted", "loaded", "audited", "noted", "committed")
RELEASED = "released"
LOADING = "loading"
_POLICIES = {"wider": SchemaPolicy.ADD_COLUMNS, "other": SchemaPolicy.NEW_VERSION}


@dataclass(frozen=True)
class Plan:
    """
    What one process writes, and how far it comes: ``count`` readings of a day, from ``value`` on.

    Like a task it claims, lets others at the store (RELEASED), and replaces. ``way`` is 'arrow',
    'sql', 'wider' for Arrow with a column that the table gains, or 'other' for Arrow with another
    column, which begins a new version. It dies by SIGKILL after the step ``dies``; after the step
    ``holds`` (or in the middle of its rows: LOADING) it waits until it is told to go on.
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


class Attempt(Actor):
    """The process of a plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(_write, plan)

    def outcome(self) -> Outcome:
        """Wait for the end of a process that lives."""
        heard = self.says()
        while not isinstance(heard, Outcome):
            heard = self.says()
        return heard


def _write(stage: Connection, plan: Plan) -> None:
    def on_step(step: str) -> None:
        stage.send(step)
        if step == plan.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == plan.holds:
            stage.recv()

    try:
        with open_store(
            plan.place.kind, plan.place.location, on_step=on_step, **plan.options
        ) as store:
            mine = claim(store, day(plan.number))
            store.release()
            on_step(RELEASED)
            policy = _POLICIES.get(plan.way, SchemaPolicy.FAIL)
            done = put(store, day(plan.number), _rows(plan, on_step), claimed=mine, schema=policy)
    except MLProviderError as error:
        stage.send(Outcome(error=type(error).__name__, message=str(error)))
    else:
        stage.send(Outcome(str(done.change), done.line.committed_token))


def _rows(plan: Plan, on_step: Any) -> Any:
    if plan.way == "sql":
        return made(plan.place.kind, plan.count, plan.value, plan.number)
    rows = readings(day(plan.number), plan.count, plan.value)
    if plan.way == "other":
        rows = rows.rename_columns(["ts", "sensor", "other"])
    if plan.way == "wider":
        rows = rows.append_column("unit", pa.array(["K"] * plan.count, pa.string()))

    def batches() -> Iterator[pa.RecordBatch]:
        first, *rest = rows.to_batches(max_chunksize=-(-plan.count // 2))
        yield first
        on_step(LOADING)
        yield from rest

    return pa.RecordBatchReader.from_batches(rows.schema, batches())
