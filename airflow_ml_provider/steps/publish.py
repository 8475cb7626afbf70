"""Publish: which changes downstream has not been told of yet."""

from __future__ import annotations

from airflow_ml_provider.domain.ledger import Line
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import Stage, Training
from airflow_ml_provider.domain.window import Window


def unpublished(store: Store, table: TableName, key: str) -> Line | None:
    """Return the line of a partition whose last change downstream does not know, else None."""
    line = store.ledger.line(table, key)
    return line if line is not None and line.unpublished else None


def confirm(store: Store, table: TableName, key: str, token: int) -> None:
    """Note that downstream was told of the change that ``token`` made."""
    store.ledger.mark_published(table, key, token)


def promoted(store: Store, model: TrainedModel, window: Window) -> Training | None:
    """Return the training as of the window's end that became champion, else None."""
    fit = [
        training
        for training in store.ledger.trainings(model.name)
        if training.as_of == window.end and training.stage is Stage.PROMOTED
    ]
    return fit[-1] if fit else None
