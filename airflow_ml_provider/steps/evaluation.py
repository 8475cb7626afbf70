"""Evaluation: score challenger and champion on the same frozen rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_ml_provider.domain.champion import Reign, champion_for
from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import ModelRegistry, Store
from airflow_ml_provider.domain.promotion import Promotion, Verdict, promotion
from airflow_ml_provider.domain.training import Stage, Training
from airflow_ml_provider.steps.answer import metrics
from airflow_ml_provider.steps.dataset import HOLDOUT, read_split
from airflow_ml_provider.steps.function import call_in_order, load, suggestion
from airflow_ml_provider.steps.judgement import CHAMPION
from airflow_ml_provider.steps.score import scores
from airflow_ml_provider.steps.stage import finish, reached


def evaluate(store: Store, registry: ModelRegistry, model: TrainedModel, key: str) -> Training:
    """
    Score the challenger of ``key`` and the champion on its holdout, and note the verdict.

    A champion that cannot score these rows (a feature is gone) could not serve them either, and
    counts as none; the verdict says so.

    :raises FunctionError: when the metric that decides is not among those of the challenger.
    """
    training = reached(store.ledger, model, key, Stage.REGISTERED)
    if training.stage is not Stage.REGISTERED:
        return training
    holdout = read_split(store, model, key, HOLDOUT)
    reign = champion_for(store.ledger.reigns(model.name, CHAMPION), training.as_of)
    store.release()
    found = _scored(model, registry.load(model.name, training.snapshot.version), holdout)
    rival, remark = _rival(registry, model, training, reign, holdout)
    verdict = _verdict(model, found, rival)
    judged = replace(
        training,
        stage=Stage.EVALUATED,
        metrics={
            **training.metrics,
            **{f"holdout_{name}": value for name, value in found.items()},
            **{f"champion_{name}": value for name, value in rival.items()},
        },
        verdict=verdict.reason + remark,
    )
    registry.log_metrics(model.name, training.snapshot.version, judged.metrics)
    if verdict.verdict is Verdict.KEEP:
        return finish(store.ledger, replace(judged, stage=Stage.KEPT))
    store.ledger.save_training(judged)
    return judged


def _scored(model: TrainedModel, artifact: Any, holdout: Any) -> dict[str, float]:
    if model.evaluate is None:
        if model.promote is None and not hasattr(artifact, "predict"):
            return {}
        return scores(model, artifact, holdout)
    given = [("model", artifact), ("holdout", holdout), ("params", dict(model.params))]
    answer = call_in_order(model.evaluate, load(model.evaluate), given, required=2)
    return metrics(model.evaluate, answer)


def _rival(
    registry: ModelRegistry,
    model: TrainedModel,
    training: Training,
    reign: Reign | None,
    holdout: Any,
) -> tuple[dict[str, float], str]:
    if reign is None or reign.version == training.snapshot.version:
        return {}, ""
    champion = registry.load(model.name, reign.version)
    try:
        return _scored(model, champion, holdout), ""
    except Exception as error:  # whatever the old model does with rows it does not know
        return {}, f"; champion {reign.version} cannot score these rows ({type(error).__name__})"


def _verdict(
    model: TrainedModel, found: Mapping[str, float], rival: Mapping[str, float]
) -> Promotion:
    policy = model.promote
    if policy is None:
        return Promotion(Verdict.PROMOTE, "PROMOTE, because no metric is asked for")
    if policy.metric not in found:
        msg = (
            f"{model.name}: the metric {policy.metric!r} decides on promotion, and the evaluation "
            f"gave {sorted(found)}. Name one of these in 'promote', or return it from 'evaluate'."
            f"{suggestion(policy.metric, found)}"
        )
        raise FunctionError(msg)
    return promotion(policy, found[policy.metric], rival.get(policy.metric))
