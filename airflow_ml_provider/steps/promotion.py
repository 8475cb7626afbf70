"""Promotion: the challenger takes the champion's place, once, and only going forward in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import Ledger, ModelRegistry, Store
from airflow_ml_provider.domain.training import Stage, Training
from airflow_ml_provider.steps.judgement import CHAMPION
from airflow_ml_provider.steps.stage import finish, reached

PREVIOUS = "previous"
_TRIES = 5


def promote(
    store: Store,
    registry: ModelRegistry,
    model: TrainedModel,
    key: str,
    owner: Owner,
    now: datetime,
) -> Training:
    """
    Give the champion alias to the version of ``key``, in the ledger, then in the registry.

    A version that has been champion is not promoted again, so a run that is repeated after a
    rollback leaves the rollback alone. A model trained for an earlier time than the champion
    (a backfilled training) does not take its place.

    :raises DataError: when the challenger has not been evaluated.
    :raises UnavailableError: when others move the alias at the same time, again and again.
    """
    training = reached(store.ledger, model, key, Stage.EVALUATED)
    if training.stage is not Stage.EVALUATED:
        return training
    stayed = _take_over(store.ledger, training, str(owner), now)
    if stayed is not None:
        return finish(store.ledger, replace(training, stage=Stage.KEPT, verdict=stayed))
    _mirror(store.ledger, registry, model)
    return finish(store.ledger, replace(training, stage=Stage.PROMOTED))


def _take_over(ledger: Ledger, training: Training, by: str, now: datetime) -> str | None:
    """Return None when the version is champion (now or since before), else why it is not."""
    version = training.snapshot.version
    for _ in range(_TRIES):
        reigns = ledger.reigns(training.model, CHAMPION)
        if any(reign.version == version for reign in reigns):
            return None
        champion = reigns[-1] if reigns else None
        if champion is not None and champion.since > training.as_of:
            return (
                f"KEEP, because champion {champion.version} serves from "
                f"{champion.since:%Y-%m-%d %H:%M} UTC on, and this one was trained as of "
                f"{training.as_of:%Y-%m-%d %H:%M} UTC"
            )
        seen = champion.epoch if champion else 0
        reason = training.verdict or "promoted"
        reign = Reign(seen + 1, version, training.as_of, now, by, reason)
        if ledger.move_alias(training.model, CHAMPION, reign, seen):
            return None
    msg = (
        f"{training.model}: the champion was moved by others {_TRIES} times while {version} was "
        "being promoted. Nothing was changed here. Run this task again."
    )
    raise UnavailableError(msg)


def _mirror(ledger: Ledger, registry: ModelRegistry, model: TrainedModel) -> None:
    # From the history, not from this call: a try that died between the two aliases is mended.
    reigns = ledger.reigns(model.name, CHAMPION)
    if len(reigns) > 1:
        _set_previous(ledger, model.name, reigns[-2])
        registry.set_alias(model.name, PREVIOUS, reigns[-2].version)
    registry.set_alias(model.name, CHAMPION, reigns[-1].version)


def _set_previous(ledger: Ledger, model: str, former: Reign) -> None:
    history = ledger.reigns(model, PREVIOUS)
    if history and history[-1].version == former.version:
        return
    epoch = history[-1].epoch if history else 0
    ledger.move_alias(model, PREVIOUS, replace(former, epoch=epoch + 1), epoch)
