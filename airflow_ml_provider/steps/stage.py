"""A stage: how far a training got, and the end of it."""

from __future__ import annotations

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import Ledger
from airflow_ml_provider.domain.training import Stage, Training

_ORDER = (Stage.BUILT, Stage.REGISTERED, Stage.EVALUATED)


def reached(ledger: Ledger, model: TrainedModel, key: str, least: Stage = Stage.BUILT) -> Training:
    """
    Return the line of a train key that has reached at least the stage ``least``.

    :raises DataError: when it has not.
    """
    training = ledger.training(model.name, key)
    if training is not None and _rank(training.stage) >= _rank(least):
        return training
    now = f"only {training.stage}" if training else "unknown to the ledger"
    msg = (
        f"{model.name}: train key {key} is {now}, and has to be {least} before this step. "
        "Run the earlier tasks of this run first."
    )
    raise DataError(msg)


def finish(ledger: Ledger, training: Training) -> Training:
    """Note the last stage, and that the marks that this training answers are answered."""
    ledger.save_training(training)
    judged = [j for j in ledger.judgements(training.model) if j.train_key == training.train_key]
    if judged:
        ledger.answer_marks(training.model, max(j.at for j in judged))
    return training


def _rank(stage: Stage) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)
