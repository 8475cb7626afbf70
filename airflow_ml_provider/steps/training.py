"""Training: the five stages, each done once for a train key, and the fit itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import Ledger, ModelRegistry, Store
from airflow_ml_provider.domain.training import Stage, Training
from airflow_ml_provider.steps.answer import fitted
from airflow_ml_provider.steps.dataset import TRAIN, build_dataset, read_split
from airflow_ml_provider.steps.evaluation import evaluate
from airflow_ml_provider.steps.function import call_in_order, load
from airflow_ml_provider.steps.judgement import judge
from airflow_ml_provider.steps.promotion import promote
from airflow_ml_provider.steps.stage import reached

__all__ = ["build_dataset", "evaluate", "judge", "promote", "train"]


def train(store: Store, registry: ModelRegistry, model: TrainedModel, key: str) -> Training:
    """
    Fit the model on the frozen dataset of ``key`` and register one version of it.

    Two tries at once may both fit, outside of the lease, so that a long fit cannot outlive it;
    only one of them registers, and both return its version.
    """
    known = reached(store.ledger, model, key)
    if known.stage is not Stage.BUILT:
        return known
    rows = read_split(store, model, key, TRAIN)
    store.release()
    answer = call_in_order(
        model.train,
        load(model.train),
        [("dataset", rows), ("params", dict(model.params))],
        required=1,
    )
    artifact, metrics = fitted(model.train, answer)
    version, ours = _register(store, registry, known, artifact, metrics)
    return _noted(store.ledger, known, version, metrics if ours else {})


def _register(
    store: Store,
    registry: ModelRegistry,
    training: Training,
    artifact: Any,
    metrics: Mapping[str, float],
) -> tuple[str, bool]:
    made: list[str] = []

    def register() -> str:
        store.release()
        snapshot = training.snapshot
        tags = {
            "data_start": snapshot.data_start.isoformat(),
            "data_end": snapshot.data_end.isoformat(),
            "rows": str(snapshot.rows),
            "code": snapshot.code,
            "config": snapshot.config,
        }
        version = registry.register(
            training.model, artifact, train_key=training.train_key, metrics=metrics, tags=tags
        )
        made.append(version.version)
        return version.version

    version = store.ledger.register_once(training.model, training.train_key, register)
    return version, bool(made)


def _noted(
    ledger: Ledger, training: Training, version: str, metrics: Mapping[str, float]
) -> Training:
    there = ledger.training(training.model, training.train_key)
    if there is not None and there.stage is not Stage.BUILT:
        return there
    done = replace(
        training,
        snapshot=replace(training.snapshot, version=version),
        stage=Stage.REGISTERED,
        metrics=dict(metrics),
    )
    ledger.save_training(done)
    return done
