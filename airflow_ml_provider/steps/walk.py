"""A walk: one partition in this process, by the steps that the operators call, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.ledger import Materialization, Owner
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.domain.ports import ModelRegistry, Store
from airflow_ml_provider.domain.readiness import Verdict
from airflow_ml_provider.domain.training import Stage
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.steps.feature import materialize
from airflow_ml_provider.steps.inference import commit, pin, predict
from airflow_ml_provider.steps.readiness import look
from airflow_ml_provider.steps.run import name_of
from airflow_ml_provider.steps.training import build_dataset, evaluate, judge, promote, train


@dataclass(frozen=True, slots=True)
class Errand:
    """
    One partition to compute: with what, for whom and what a person has agreed to.

    ``unready``: compute even where data is still awaited. ``approved``: promote, where the system
    asks a person.
    """

    store: Store
    registry: Callable[[], ModelRegistry]
    window: Window
    owner: Owner
    now: datetime
    unready: bool = False
    approved: bool = True


Step = tuple[str, str]
"""The name of a task and what it has to say."""


def walk(errand: Errand, pipeline: FeatureView | TrainedModel | BatchPrediction) -> Iterator[Step]:
    """
    Compute the partition and yield each step when it is done. No event is made.

    :raises MLProviderError: when a step fails, or data is awaited and ``unready`` is not said.
    """
    match pipeline:
        case FeatureView():
            yield from _features(errand, pipeline)
        case TrainedModel():
            yield from _training(errand, pipeline)
        case BatchPrediction():
            yield from _inference(errand, pipeline)


def _features(errand: Errand, view: FeatureView) -> Iterator[Step]:
    yield "wait_for_data", _waited(errand, view)
    done = materialize(errand.store, view, errand.window, errand.owner, errand.now)
    yield "materialize", _told(done)


def _training(errand: Errand, model: TrainedModel) -> Iterator[Step]:
    store, owner, now = errand.store, errand.owner, errand.now
    verdict, _ = judge(store, model, errand.window, now)
    yield "check_staleness", verdict.reason
    if not verdict.trains:
        return
    key, registry = verdict.train_key, errand.registry()
    begun = build_dataset(store, model, errand.window, key, owner, now)
    yield "build_dataset", f"{begun.snapshot.rows:,} feature rows, train key {key}"
    trained = train(store, registry, model, key)
    yield "train", f"version {trained.snapshot.version}"
    judged = evaluate(store, registry, model, key)
    yield "evaluate", judged.verdict or judged.stage.value
    if judged.stage is Stage.EVALUATED and not errand.approved:
        yield "approve", "a person has to agree: run this again with --approve"
        return
    done = promote(store, registry, model, key, owner, now)
    yield "promote", f"{done.stage.value}: version {done.snapshot.version}"


def _inference(errand: Errand, prediction: BatchPrediction) -> Iterator[Step]:
    store, window, owner, now = errand.store, errand.window, errand.owner, errand.now
    yield "wait_for_data", _waited(errand, prediction)
    held = pin(store, prediction, window, name_of(owner))
    yield "pin_model", held.reason
    if held.version is None:
        return
    for chunk in range(held.chunks):
        done = predict(store, errand.registry, prediction, window, held, chunk, owner, now)
        yield f"predict[{chunk}]", _told(done)
    yield "commit", _told(commit(store, prediction, window, held, owner, now))


def _waited(errand: Errand, pipeline: FeatureView | BatchPrediction) -> str:
    found = look(errand.store, pipeline, errand.window, errand.now)
    if found.verdict is Verdict.READY or errand.unready:
        return found.reason
    msg = (
        f"{pipeline.name} {errand.window.key} is not ready, so nothing was computed: "
        f"{found.reason}. Run it again later, or with --unready to compute what is there."
    )
    raise DataError(msg)


def _told(done: Materialization) -> str:
    rows = f"{done.line.rows or 0:,} rows"
    return f"{done.change.value}, {rows}: {done.reason}"
