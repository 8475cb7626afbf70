"""What the rules ask of the world: a store of tables, the ledger in it, a registry of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Claim, Line, Materialization, Owner, Recipe
from airflow_ml_provider.domain.readiness import SourceFacts
from airflow_ml_provider.domain.retention import Garbage, Retention
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.staleness import Mark
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.domain.training import (
    Attempt,
    FeatureSource,
    Judgement,
    LabelSource,
    Pin,
    Training,
)
from airflow_ml_provider.domain.window import Window

ArrowStream = Any
"""Anything with ``__arrow_c_stream__``: a pyarrow Table or RecordBatchReader, a polars frame …"""


@dataclass(frozen=True, slots=True)
class Query:
    """
    A SELECT that the store runs itself, so that no row passes through the worker.

    Named values are written ``:name`` in ``sql`` and are bound with their types. Only names in
    ``values`` are placeholders: casts (``::date``), text and comments are left alone.
    """

    sql: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name and the store's name of its type."""

    name: str
    type: str


class Ledger(Protocol):
    """The book beside the data: partitions, trainings, pins and attempts. Never lies, may wait."""

    def line(self, table: TableName, key: str) -> Line | None:
        """Return the line on one partition."""

    def lines(
        self, table: TableName, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Line]:
        """Return the committed lines whose window begins in ``[start, end)``, by start, then key."""

    def mark_published(self, table: TableName, key: str, token: int) -> None:
        """Note that downstream was told of the change made by ``token``."""

    def record_judgement(self, judgement: Judgement) -> None:
        """Keep a staleness verdict (one for each model and as-of time; the latest is kept)."""

    def judgements(self, model: str) -> Sequence[Judgement]:
        """Return every verdict on ``model``, by as-of time."""

    def mark_stale(self, model: str, mark: Mark) -> None:
        """Keep a person's word that ``model`` is stale, until a training answers it."""

    def stale_mark(self, model: str) -> Mark | None:
        """Return the newest mark that no training has answered yet."""

    def answer_marks(self, model: str, until: datetime) -> None:
        """Note that marks made up to ``until`` have led to a training."""

    def save_training(self, training: Training) -> None:
        """Insert or replace the line of a train key; never moves its stage backwards."""

    def training(self, model: str, train_key: str) -> Training | None:
        """Return the line of one train key."""

    def trainings(self, model: str) -> Sequence[Training]:
        """Return every training of ``model``, by as-of time."""

    def register_once(self, model: str, train_key: str, register: Callable[[], str]) -> str:
        """
        Return the version registered for ``train_key``, calling ``register`` at most once.

        Holders of a lease call; others wait for the answer. A lease whose holder died runs out.
        """

    def move_alias(self, model: str, alias: str, reign: Reign, expected_epoch: int) -> bool:
        """Set ``alias`` by compare-and-set on its epoch (0: never set); False when it had moved."""

    def reigns(self, model: str, alias: str) -> Sequence[Reign]:
        """Return the history of ``alias``, oldest first."""

    def pin(self, pin: Pin) -> Pin:
        """Keep ``pin`` unless its run has one for the model already; return the one that holds."""

    def forget_model(self, model: str) -> None:
        """Delete what is kept on a scratch model: trainings, verdicts, marks, aliases, leases."""

    def forget_run(self, run_id: str) -> None:
        """Delete the pins of a scratch run."""

    def open_attempt(self, attempt: Attempt) -> None:
        """Note that a try began."""

    def close_attempt(
        self, owner: Owner, at: datetime, failure_class: str | None, message: str | None
    ) -> None:
        """Note how a try ended; no failure class means that it ended well."""

    def attempts(self, dag_id: str, run_id: str) -> Sequence[Attempt]:
        """Return every try of a run, oldest first."""


class Store(Protocol):
    """Where tables rest. One object is one connection; use it as a context manager."""

    address: str
    """Where it is, for people: never with a secret."""

    capabilities: Capabilities
    """What this store can do that another cannot."""

    ledger: Ledger

    def __enter__(self) -> Store: ...

    def __exit__(self, *exc: object) -> None: ...

    def release(self) -> None:
        """Let other processes at the store during a long computation; the next call returns."""

    def claim(self, table: TableName, key: str, owner: Owner, *, at: datetime) -> Claim:
        """Take the right to write a partition: one short transaction, the newest claim wins."""

    def replace(
        self,
        claim: Claim,
        owned: Slice,
        rows: ArrowStream | Query,
        *,
        window: Window | None,
        recipe: Recipe,
        expectations: Expectations,
        at: datetime,
        schema: SchemaPolicy = SchemaPolicy.FAIL,
    ) -> Materialization:
        """
        Make ``rows`` the whole content of the partition, in one transaction, or change nothing.

        Lock the ledger line, refuse an older claim, delete the slice, load, audit, note, commit.
        The table is made from the first rows when it does not exist (with its schema), and its
        columns must match afterwards, or ``schema`` says what else is to be done. Zero rows are a real result. Equal content leaves the table
        untouched and reports UNCHANGED. A commit whose answer is lost is resolved by the ledger.

        :raises FencedError: when a newer claim exists.
        :raises SchemaMismatchError: when the columns do not fit.
        :raises OutsideWindowError: when rows lie outside the slice.
        :raises CheckFailedError: when an expectation is not met.
        :raises QueryError: when the database refuses the SQL.
        :raises UnavailableError: when the store does not answer.
        """

    def count(self, table: TableName, owned: Slice) -> int | None:
        """Return the rows of a slice, or None when the table does not exist."""

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table; empty when it does not exist."""

    def scan(
        self,
        table: TableName,
        owned: Slice | None = None,
        *,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
    ) -> ArrowStream:
        """
        Stream a slice of a table as a pyarrow RecordBatchReader, in bounded memory.

        :raises TableMissingError: when the table does not exist.
        """

    def query(self, query: Query) -> ArrowStream:
        """Stream the answer of a SELECT as a pyarrow RecordBatchReader."""

    def probe(self, table: TableName, time: str, window: Window) -> SourceFacts:
        """
        Look at a source: rows inside the window, newest event time of the table.

        :raises TableMissingError: when the table does not exist.
        """

    def version(self, table: TableName, time: str, window: Window) -> str:
        """Return a fingerprint of the rows of a source inside the window (order does not count)."""

    def point_in_time(
        self,
        label: LabelSource,
        features: Sequence[FeatureSource],
        *,
        start: datetime,
        end: datetime,
        split_at: datetime,
        train_key: str,
    ) -> Query:
        """
        Build the SELECT of a training dataset: one row a label whose time lies in ``[start, end)``.

        To each label row come the newest feature row of its entity at or before the label's time,
        from every feature table; label rows with no label value are left out. Columns: the entity,
        ``label_time``, the features' other columns (of several tables, in order), ``label``,
        ``split`` ('train' before ``split_at``, else 'holdout'), ``train_key``.
        """

    def feature_rows(
        self,
        features: Sequence[FeatureSource],
        *,
        start: datetime,
        end: datetime,
        chunk: tuple[int, int] = (0, 1),
    ) -> Query:
        """
        Build the SELECT of a batch to score: the first view's rows whose time lies in the window.

        The newest row of its entity at that time is joined from each further view.
        ``chunk=(i, n)`` gives the i-th of n parts, split by a stable hash of the entity and time.
        Rows come in the order of time, then entity.
        """

    def digest(self, table: TableName) -> str:
        """Return a fingerprint of a whole table, blind to the order of rows."""

    def drop_slice(self, table: TableName, owned: Slice) -> None:
        """Delete a slice of a staging table; nothing happens when the table does not exist."""

    def forget(self, table: TableName) -> None:
        """Drop a scratch table with its lines and history; nothing happens when there is none."""

    def hint(self, table: TableName, column: str) -> str | None:
        """Return what to do when writing a slice of ``column`` reads a large table; else None."""

    def collect(
        self, retention: Retention, now: datetime, *, dry_run: bool = False
    ) -> Sequence[Garbage]:
        """
        Delete what nobody needs any more, in small steps, or only count it.

        Old records of the ledger go, and what dead attempts left: chunks on staging tables, files
        that no commit names. Partitions, champions, trainings and whatever a living attempt has
        are never touched.
        """


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model in the registry."""

    model: str
    version: str
    train_key: str
    uri: str


class ModelRegistry(Protocol):
    """Where models rest. Aliases here mirror the ledger's, which decides."""

    address: str

    def register(
        self,
        model: str,
        artifact: Any,
        *,
        train_key: str,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """Save ``artifact`` as a new version, or adopt the version an earlier try made of the key."""

    def find(self, model: str, train_key: str) -> ModelVersion | None:
        """Return the lowest version that carries ``train_key``."""

    def versions(self, model: str) -> Sequence[ModelVersion]:
        """Return every version of a model, oldest first."""

    def load(self, model: str, version: str) -> Any:
        """Return the artifact of a version, as it was saved."""

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Mirror an alias."""

    def alias(self, model: str, alias: str) -> str | None:
        """Return the version the registry's alias names."""

    def log_metrics(self, model: str, version: str, metrics: Mapping[str, float]) -> None:
        """Add metrics to a version's run."""
