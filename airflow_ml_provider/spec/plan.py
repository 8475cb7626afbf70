"""The plan: a loaded system as the domain's pipelines, with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.pipeline import (
    BatchPrediction,
    FeatureView,
    Source as DomainSource,
    TrainedModel,
)
from airflow_ml_provider.domain.promotion import PromotionPolicy
from airflow_ml_provider.domain.readiness import SourceRule
from airflow_ml_provider.domain.staleness import RetrainPolicy
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import LabelSource
from airflow_ml_provider.domain.window import Calendar
from airflow_ml_provider.spec.checks import Checks
from airflow_ml_provider.spec.consistency import (
    coarsest,
    default_holdout,
    readable_features,
    starts_at,
)
from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.loaded import LoadedSystem
from airflow_ml_provider.spec.reading import fraction
from airflow_ml_provider.spec.source import Source
from airflow_ml_provider.spec.system import System
from airflow_ml_provider.spec.tables import table_of
from airflow_ml_provider.spec.training import Promote, Retrain


def start_of(loaded: LoadedSystem) -> datetime:
    """Return where the first window begins, in UTC."""
    return starts_at(loaded.system, loaded.system.start)


def end_of(loaded: LoadedSystem) -> datetime | None:
    """Return where the data ends (exclusive), in UTC; None when it goes on."""
    end = loaded.system.end
    return None if end is None else starts_at(loaded.system, end)


def feature_views(loaded: LoadedSystem) -> dict[str, FeatureView]:
    """Return every feature view by its short name; its ``name`` is '<system>.<name>'."""
    system = loaded.system
    return {
        name: FeatureView(
            name=f"{system.system}.{name}",
            table=TableName.parse(table_of(system, name, feature.table)),
            calendar=Calendar(feature.every, system.timezone),
            entity=feature.entity,
            time=feature.time,
            sources=tuple(_source(read, system.sources[read]) for read in feature.reads),
            sql=loaded.sql.get(name),
            python=feature.python,
            params=feature.params,
            expectations=_expectations(feature.checks),
            schema=feature.schema_policy,
        )
        for name, feature in system.features.items()
    }


def readable_views(loaded: LoadedSystem) -> dict[str, FeatureView]:
    """Return the feature views of the system, and those of other systems that it names."""
    foreign = {
        name: feature_views(other)[name.rpartition(".")[2]]
        for name, other in loaded.others.items()
    }
    return feature_views(loaded) | foreign


def _features(loaded: LoadedSystem) -> Mapping[str, Feature]:
    others = {name: other.system for name, other in loaded.others.items()}
    return readable_features(loaded.system, others)


def trained_models(loaded: LoadedSystem) -> dict[str, TrainedModel]:
    """Return every trained model by its short name."""
    system, views = loaded.system, readable_views(loaded)
    features = _features(loaded)
    models: dict[str, TrainedModel] = {}
    for name, training in system.training.items():
        every = coarsest(features, training.features)
        models[name] = TrainedModel(
            name=f"{system.system}.{name}",
            features=tuple(views[feature] for feature in training.features),
            label=_label(system, name),
            window=training.window,
            train=training.train,
            calendar=Calendar(training.every or every, system.timezone),
            holdout=training.holdout or default_holdout(training.window, every),
            evaluate=training.evaluate,
            params=training.params,
            retrain=_retrain(training.retrain),
            promote=_promotion(training.promote),
            # In a schema of its own: two systems may give models of one name the same features.
            schema=system.system if "." in training.features[0] else None,
        )
    return models


def batch_predictions(loaded: LoadedSystem) -> dict[str, BatchPrediction]:
    """Return every batch prediction by its short name."""
    system, views = loaded.system, readable_views(loaded)
    known = _features(loaded)
    return {
        name: BatchPrediction(
            name=f"{system.system}.{name}",
            table=TableName.parse(table_of(system, name, inference.table)),
            features=tuple(views[feature] for feature in inference.features),
            model=f"{system.system}.{inference.model_name}",
            predict=inference.predict,
            calendar=Calendar(
                inference.every or coarsest(known, inference.features), system.timezone
            ),
            alias=inference.alias,
            params=inference.params,
            chunk_rows=inference.chunk_rows,
            expectations=_expectations(inference.checks),
            schema=inference.schema_policy,
        )
        for name, inference in system.inference.items()
    }


def _source(name: str, source: Source) -> DomainSource:
    ready = source.ready
    rule = SourceRule(ready.rows, ready.watermark is not None, ready.lateness)
    return DomainSource(name, TableName.parse(source.table), source.time, rule)


def _label(system: System, name: str) -> LabelSource:
    label = system.training[name].label
    source = system.sources[label.source]
    table = TableName.parse(source.table)
    return LabelSource(table, label.column, source.time, label.matures)


def _expectations(checks: Checks) -> Expectations:
    return Expectations(
        rows_min=checks.rows.min,
        rows_max=checks.rows.max,
        not_null=checks.not_null,
        unique=checks.unique,
        between=tuple((column, *bounds) for column, bounds in checks.between.items()),
        accepted=tuple(checks.accepted.items()),
    )


def _retrain(retrain: Retrain) -> RetrainPolicy:
    causes = {cause.name: cause for cause in retrain.any}
    rows = causes["new_rows"].new_rows if "new_rows" in causes else None
    return RetrainPolicy(
        age=causes["age"].age if "age" in causes else None,
        new_rows_fraction=fraction(rows) if isinstance(rows, str) else None,
        new_rows=rows if isinstance(rows, int) else None,
        code="code" in causes,
        config="config" in causes,
        restated="restated" in causes,
        cooldown=retrain.cooldown,
    )


def _promotion(promote: Promote | None) -> PromotionPolicy | None:
    if promote is None:
        return None
    return PromotionPolicy(promote.metric, fraction(promote.better_by), promote.higher_is_better)
