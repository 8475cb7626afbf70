"""A subject: a pipeline moved to a scratch place, where nothing real is touched."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Window

Pipeline = FeatureView | TrainedModel | BatchPrediction


@dataclass(frozen=True, slots=True)
class Subject:
    """
    A scratch pipeline, one partition of it, and where it is computed.

    ``folder`` is put on the path of imports. ``store`` and ``registry`` are Airflow connections.
    """

    pipeline: Pipeline
    window: Window
    folder: Path
    store: str | None = None
    registry: str | None = None

    @property
    def table(self) -> TableName:
        """The table that the pipeline writes: for a model, its frozen datasets."""
        if isinstance(self.pipeline, TrainedModel):
            return self.pipeline.dataset
        return self.pipeline.table

    @property
    def tables(self) -> tuple[TableName, ...]:
        """Every table that the pipeline writes."""
        if isinstance(self.pipeline, BatchPrediction):
            return self.pipeline.table, self.pipeline.staging
        return (self.table,)


def moved(pipeline: Pipeline, into: str) -> Pipeline:
    """
    Return the pipeline with every name that it writes under in the schema ``into``.

    :raises ConfigurationError: when that is the schema in which it really writes.
    """
    match pipeline:
        case TrainedModel():
            _refuse_real(pipeline.dataset, into)
            return replace(pipeline, name=f"{into}.{_flat(pipeline.name)}")
        case _:
            _refuse_real(pipeline.table, into)
            return replace(pipeline, table=TableName(into, _flat(str(pipeline.table))))


def _refuse_real(table: TableName, into: str) -> None:
    if (table.schema or "").lower() == into.lower():
        msg = (
            f"The proof would write into schema {into!r}, where the pipeline has its table {table}. "
            "Nothing was done. Name a scratch schema: --into ml_proof"
        )
        raise ConfigurationError(msg)


def _flat(name: str) -> str:
    return re.sub(r"\W+", "__", name)
