"""A pipeline: a feature view, a trained model or a batch prediction, as plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.promotion import PromotionPolicy
from airflow_ml_provider.domain.readiness import SourceRule
from airflow_ml_provider.domain.retention import STAGING_SUFFIX
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.staleness import RetrainPolicy
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import FeatureSource, LabelSource
from airflow_ml_provider.domain.window import Calendar


@dataclass(frozen=True, slots=True)
class Source:
    """A table that a feature pipeline reads and does not own; ``time`` is its event time."""

    name: str
    table: TableName
    time: str
    rule: SourceRule = SourceRule()


@dataclass(frozen=True, slots=True)
class FeatureView:
    """
    A named set of features on one entity, and how one partition of it is computed.

    Either ``sql`` (the text of a SELECT that reads ``:window_start``, ``:window_end`` and the
    ``params`` by name, run by the store) or ``python`` (the dotted name ``package.module:function``
    of a function that takes the window and one table a source and returns a table).

    :raises ConfigurationError: when both or neither are given.
    """

    name: str
    table: TableName
    calendar: Calendar
    entity: tuple[str, ...]
    time: str
    sources: tuple[Source, ...] = ()
    sql: str | None = None
    python: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    expectations: Expectations = Expectations()
    schema: SchemaPolicy = SchemaPolicy.FAIL

    def __post_init__(self) -> None:
        if (self.sql is None) == (self.python is None):
            msg = f"Feature view {self.name!r} needs either 'sql' or 'python', and not both."
            raise ConfigurationError(msg)

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> FeatureSource:
        """This view as a training dataset or an inference reads it."""
        return FeatureSource(self.table, self.entity, self.time)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """
    A model, what it learns from and when it is trained again.

    ``window`` is how much trailing time one training reads, ``holdout`` the part of it, at its
    end, on which champion and challenger are compared. ``train`` takes (dataset, params) and
    returns (model, metrics); ``evaluate`` takes (model, holdout) and returns metrics, and is
    needed where models have no ``predict`` that takes a pandas frame of features. ``schema`` is
    where frozen datasets rest: that of the first feature's table, when left out.
    """

    name: str
    features: tuple[FeatureView, ...]
    label: LabelSource
    window: timedelta
    train: str
    calendar: Calendar
    holdout: timedelta = timedelta(days=1)
    evaluate: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    retrain: RetrainPolicy = RetrainPolicy()
    promote: PromotionPolicy | None = None
    schema: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def dataset(self) -> TableName:
        """The table that holds the frozen training datasets, one slice a train key."""
        schema = self.schema or self.features[0].table.schema
        return TableName(schema, f"{self.name.rpartition('.')[2]}__dataset")


@dataclass(frozen=True, slots=True)
class BatchPrediction:
    """
    Predictions for one partition of features, by one version of a model.

    ``predict`` takes (model, batch, params) and returns a table with one row a row of the batch,
    in its order: the columns that are predicted. The entity, the event time and the model's name
    and version are added.
    """

    name: str
    table: TableName
    features: tuple[FeatureView, ...]
    model: str
    predict: str
    calendar: Calendar
    alias: str = "champion"
    params: Mapping[str, object] = field(default_factory=dict)
    chunk_rows: int = 100_000
    expectations: Expectations = Expectations()
    schema: SchemaPolicy = SchemaPolicy.FAIL

    def __str__(self) -> str:
        # Airflow keeps this text in the Dag for a mapped task, where a repr would hold all the SQL.
        return self.name

    @property
    def staging(self) -> TableName:
        """The table where chunks wait until all of them are there."""
        return TableName(self.table.schema, f"{self.table.name}{STAGING_SUFFIX}")
