"""A training: what a model is trained on, by which key, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from airflow_ml_provider.domain.staleness import Snapshot
from airflow_ml_provider.domain.table import TableName


class Stage(StrEnum):
    """How far a training got; each stage is reached once for a train key."""

    BUILT = "built"
    REGISTERED = "registered"
    EVALUATED = "evaluated"
    PROMOTED = "promoted"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Training:
    """The ledger's line on one train key."""

    model: str
    train_key: str
    snapshot: Snapshot
    as_of: datetime
    cause: str
    stage: Stage
    metrics: Mapping[str, float] = field(default_factory=dict)
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One staleness verdict as the ledger keeps it."""

    model: str
    as_of: datetime
    verdict: str
    reason: str
    train_key: str
    trains: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Pin:
    """What one inference run reads: fixed once, kept by every retry."""

    run_id: str
    model: str
    version: str | None
    inputs: Mapping[str, str]
    chunks: int
    reason: str


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """
    A feature table as a training dataset or an inference reads it.

    ``entity`` and ``time`` are its join key and event time; ``columns`` None means all others.
    ``max_age`` is how old a feature row may be when it is joined (None: any age).
    """

    table: TableName
    entity: tuple[str, ...]
    time: str
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class LabelSource:
    """The column that is learned, where it rests, and how long until it can be trusted."""

    table: TableName
    column: str
    time: str
    matures: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one task as it was left in the store: open means that it never said goodbye."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    subject: str
    started_at: datetime
    ended_at: datetime | None = None
    failure_class: str | None = None
    message: str | None = None
