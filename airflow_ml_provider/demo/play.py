"""The demo played: raw records in, one window after the other through a real Airflow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_ml_provider.demo.airflow_api import FINISHED, AirflowApi, AirflowApiError
from airflow_ml_provider.demo.system import FlightsSystem, Progress, progress
from airflow_ml_provider.domain.errors import MLProviderError

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Store

_RUN_TIMEOUT = 300.0


class DemoError(MLProviderError):
    """The demo did not come to its end, and why."""


@dataclass(slots=True)
class Play:
    """
    Plays windows in order: the features of a day, then the verdict on the model that follows.

    The next day begins when the training Dag has finished with this one, as it would when a day
    takes a day; predictions are made beside it. ``tell`` hears a line whenever something happened.
    """

    api: AirflowApi
    system: FlightsSystem
    open_store: Callable[[], Store]
    tell: Callable[[str], None]
    runs: set[tuple[str, str]] = field(default_factory=set)

    def run(self, todo: Sequence[Progress], step: Callable[[], None]) -> None:
        """
        Play every window of ``todo``, calling ``step`` after each.

        :raises DemoError: naming the failed run and its tasks.
        """
        known = self._known_runs()
        for one in todo:
            self._features(one)
            self._verdict(one, known)
            step()
        self._finish(todo, known)

    def _features(self, one: Progress) -> None:
        dag_id, key = self.system.features.name, one.window.key
        if one.features:
            return
        self._succeed(dag_id, self.api.trigger(dag_id, key))

    def _verdict(self, one: Progress, known: set[tuple[str, str]]) -> None:
        dag_id, key = self.system.model.name, one.window.key
        if one.judged:
            return
        run_id = self._run_for(dag_id, key, known, started=not one.features)
        self._succeed(dag_id, run_id)
        self._tell_verdict(one)

    def _finish(self, todo: Sequence[Progress], known: set[tuple[str, str]]) -> None:
        """Wait for the predictions, and make those that no event asked for."""
        dag_id = self.system.predictions.name
        with self.open_store() as store:
            due = progress(store.ledger, self.system, [one.window for one in todo])
        for one, before in zip(due, todo, strict=True):
            if not (before.predicted and before.features):
                started = not before.features
                if started or not one.predicted:
                    self._succeed(
                        dag_id, self._run_for(dag_id, one.window.key, known, started=started)
                    )

    def _run_for(
        self, dag_id: str, key: str, known: set[tuple[str, str]], *, started: bool
    ) -> str:
        """Return the run of ``key`` that the features' event made, or start one."""
        if not started:
            return self.api.trigger(dag_id, key)

        def found() -> str | None:
            runs = [run for run in self.api.runs(dag_id) if run.get("partition_key") == key]
            new = [run["dag_run_id"] for run in runs if (dag_id, run["dag_run_id"]) not in known]
            return new[-1] if new else None

        return self.api.wait(found, f"a run of {dag_id} for {key}", _RUN_TIMEOUT)

    def _known_runs(self) -> set[tuple[str, str]]:
        return {
            (dag_id, run["dag_run_id"])
            for dag_id in self.system.dag_ids
            for run in self.api.runs(dag_id)
        }

    def _succeed(self, dag_id: str, run_id: str) -> None:
        self.runs.add((dag_id, run_id))
        run = self.api.wait_for_run(dag_id, run_id, FINISHED, timeout=_RUN_TIMEOUT)
        if run["state"] != "success":
            failed = [
                t["task_id"] for t in self.api.tasks(dag_id, run_id) if t["state"] == "failed"
            ]
            msg = (
                f"{dag_id} failed for {run.get('partition_key')}: {', '.join(failed)} ({run_id})."
            )
            raise DemoError(msg)

    def _tell_verdict(self, one: Progress) -> None:
        with self.open_store() as store:
            judgements = store.ledger.judgements(self.system.model.name)
        for judgement in judgements:
            if judgement.as_of == one.window.end:
                self.tell(f"{one.window.key}  {judgement.reason}")


def tasks_of(api: AirflowApi, runs: set[tuple[str, str]]) -> int:
    """Return how many tasks really ran in ``runs`` (skipped ones never start)."""
    return sum(
        task["state"] == "success"
        for dag_id, run_id in sorted(runs)
        for task in api.tasks(dag_id, run_id)
    )


def played(api: AirflowApi, play: Play, began: float) -> tuple[int, float]:
    """Return the number of tasks that ran and how many that makes a second."""
    try:
        tasks = tasks_of(api, play.runs)
    except AirflowApiError:
        return 0, 0.0
    return tasks, tasks / max(time.monotonic() - began, 1e-9)
