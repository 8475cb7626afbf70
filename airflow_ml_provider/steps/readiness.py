"""Readiness: look at what a window needs and say whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, Source
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.readiness import (
    Condition,
    Readiness,
    committed_condition,
    readiness,
    source_conditions,
)
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.steps.inputs import Upstream, missing, upstream


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there before a window is computed: tables we only read, and our own."""

    sources: tuple[Source, ...] = ()
    upstream: tuple[Upstream, ...] = ()


def needs(pipeline: FeatureView | BatchPrediction) -> Needs:
    """Return what a pipeline waits for."""
    if isinstance(pipeline, FeatureView):
        return Needs(sources=pipeline.sources)
    return Needs(upstream=upstream(pipeline.features))


def look(
    store: Store, pipeline: FeatureView | BatchPrediction | Needs, window: Window, now: datetime
) -> Readiness:
    """
    Judge whether ``window`` may be computed.

    :raises TableMissingError: when a source's table does not exist: waiting for a table that was
        misspelt would never end.
    """
    wanted = pipeline if isinstance(pipeline, Needs) else needs(pipeline)
    conditions: list[Condition] = []
    for source in wanted.sources:
        facts = store.probe(source.table, source.time, window)
        conditions += source_conditions(source.name, source.rule, facts, end=window.end, now=now)
    for feature in wanted.upstream:
        windows = feature.windows(window)
        absent = missing(store.ledger, feature, windows)
        conditions.append(committed_condition(str(feature.table), absent, len(windows)))
    return readiness(conditions)
