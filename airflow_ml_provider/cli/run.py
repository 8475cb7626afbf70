"""Run: one partition in this process, by the steps that the operators call."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.domain.readiness import Verdict
from airflow_ml_provider.domain.training import Stage

if TYPE_CHECKING:
    from airflow_ml_provider.cli.catalog import Entry
    from airflow_ml_provider.domain.ledger import Materialization
    from airflow_ml_provider.domain.ports import ModelRegistry, Store
    from airflow_ml_provider.domain.window import Window


@dataclass(frozen=True, slots=True)
class Shell:
    """
    One run from a shell: what it works on and what the person has agreed to.

    ``unready``: compute even where data is still awaited. ``approved``: promote, where the system
    asks a person.
    """

    store: Store
    registry: Callable[[], ModelRegistry]
    window: Window
    owner: Owner
    now: datetime
    unready: bool
    approved: bool


def run_partition(entry: Entry, key: str, *, unready: bool, approved: bool) -> Iterator[str]:
    """
    Compute the partition ``key`` and yield a line for each step.

    No event is made: what a scheduler knows of the change, the next run of the Dag tells it.

    :raises MLProviderError: when a step fails, or data is awaited and ``unready`` is not said.
    """
    from airflow_ml_provider.hooks.registry import open_registry
    from airflow_ml_provider.hooks.store import open_store
    from airflow_ml_provider.steps.attempt import attempt

    entry.make_importable()
    pipeline = entry.pipeline
    window, now = pipeline.calendar.window(key), _now()
    owner = Owner(entry.name, f"shell__{getpass.getuser()}__{now:%Y%m%dT%H%M%S%f}", "run")
    yield f"{entry.name} {window}"
    with (
        open_store(entry.store) as store,
        attempt(store.ledger, owner, f"{entry.name} {key}", clock=_now),
    ):
        shell = Shell(
            store,
            lambda: open_registry(entry.registry),
            window,
            owner,
            now,
            unready=unready,
            approved=approved or not entry.approve,
        )
        match pipeline:
            case FeatureView():
                yield from _features(shell, pipeline)
            case TrainedModel():
                yield from _training(shell, pipeline)
            case BatchPrediction():
                yield from _inference(shell, pipeline)


def _now() -> datetime:
    return datetime.now(UTC)


def _features(shell: Shell, view: FeatureView) -> Iterator[str]:
    from airflow_ml_provider.steps.feature import materialize

    yield _step("wait_for_data", _waited(shell, view))
    done = materialize(shell.store, view, shell.window, shell.owner, shell.now)
    yield _step("materialize", _told(done))


def _training(shell: Shell, model: TrainedModel) -> Iterator[str]:
    from airflow_ml_provider.steps.training import build_dataset, evaluate, judge, promote, train

    store, owner, now = shell.store, shell.owner, shell.now
    verdict, _ = judge(store, model, shell.window, now)
    yield _step("check_staleness", verdict.reason)
    if not verdict.trains:
        return
    key, registry = verdict.train_key, shell.registry()
    begun = build_dataset(store, model, shell.window, key, owner, now)
    yield _step("build_dataset", f"{begun.snapshot.rows:,} feature rows, train key {key}")
    trained = train(store, registry, model, key)
    yield _step("train", f"version {trained.snapshot.version}")
    judged = evaluate(store, registry, model, key)
    yield _step("evaluate", judged.verdict or judged.stage.value)
    if judged.stage is Stage.EVALUATED and not shell.approved:
        yield _step("approve", "a person has to agree: run this again with --approve")
        return
    done = promote(store, registry, model, key, owner, now)
    yield _step("promote", f"{done.stage.value}: version {done.snapshot.version}")


def _inference(shell: Shell, prediction: BatchPrediction) -> Iterator[str]:
    from airflow_ml_provider.steps.inference import commit, pin, predict
    from airflow_ml_provider.steps.run import name_of

    store, window, owner, now = shell.store, shell.window, shell.owner, shell.now
    yield _step("wait_for_data", _waited(shell, prediction))
    held = pin(store, prediction, window, name_of(owner))
    yield _step("pin_model", held.reason)
    if held.version is None:
        return
    for chunk in range(held.chunks):
        done = predict(store, shell.registry, prediction, window, held, chunk, owner, now)
        yield _step(f"predict[{chunk}]", _told(done))
    yield _step("commit", _told(commit(store, prediction, window, held, owner, now)))


def _waited(shell: Shell, pipeline: FeatureView | BatchPrediction) -> str:
    from airflow_ml_provider.steps.readiness import look

    found = look(shell.store, pipeline, shell.window, shell.now)
    if found.verdict is Verdict.READY or shell.unready:
        return found.reason
    msg = (
        f"{pipeline.name} {shell.window.key} is not ready, so nothing was computed: "
        f"{found.reason}. Run it again later, or with --unready to compute what is there."
    )
    raise DataError(msg)


def _step(name: str, said: str) -> str:
    return f"{name:<17}{said}"


def _told(done: Materialization) -> str:
    rows = f"{done.line.rows or 0:,} rows"
    return f"{done.change.value}, {rows}: {done.reason}"
