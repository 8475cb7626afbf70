"""The ledger: the book in which a store notes every partition it committed, and from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from airflow_ml_provider.domain.check import Audit
from airflow_ml_provider.domain.table import TableName


class Change(StrEnum):
    """What a materialization did to the partition."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Owner:
    """The attempt that asks: who to name when it is fenced, killed or blamed."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1

    def __str__(self) -> str:
        place = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}/{self.run_id}/{self.task_id}{place}#{self.try_number}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    What a partition is computed from: equal recipes give equal partitions.

    ``inputs`` maps each table (or model) that is read to its version, as the ledger or a probe of
    the table tells it. An input whose version is unknown must not be listed as known.
    """

    code: str
    params: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A right to write one partition; it ends when a later claim of the same partition is made."""

    table: TableName
    key: str
    token: int
    owner: Owner


@dataclass(frozen=True, slots=True)
class Line:
    """
    The ledger's line on one partition.

    ``token`` counts claims; ``committed_token`` is the claim whose rows readers see, None before
    the first commit. ``changed_token`` is the claim that last changed the content;
    ``published_token`` the last change that downstream was told of.
    """

    table: TableName
    key: str
    token: int
    owner: str
    claimed_at: datetime
    committed_token: int | None = None
    committed_at: datetime | None = None
    changed_token: int | None = None
    changed_at: datetime | None = None
    published_token: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    rows: int | None = None
    content_hash: str | None = None
    schema_hash: str | None = None
    recipe: Recipe | None = None

    @property
    def committed(self) -> bool:
        """Whether readers can see a partition (an empty one counts)."""
        return self.committed_token is not None

    @property
    def unpublished(self) -> bool:
        """Whether content changed that downstream has not been told of."""
        return self.changed_token is not None and (self.published_token or 0) < self.changed_token


@dataclass(frozen=True, slots=True)
class Materialization:
    """The record of one run of a step over one partition."""

    line: Line
    change: Change
    reason: str
    audit: Audit = field(default_factory=lambda: Audit(()))


def nothing_to_do(line: Line | None, recipe: Recipe, rows_now: int | None) -> str | None:
    """
    Return why the partition need not be computed again, or None when it must be.

    ``rows_now`` is the partition's actual row count: when it is not the ledger's, somebody else
    wrote to the table, and the ledger cannot vouch for the content.
    """
    if line is None or not line.committed or line.recipe is None:
        return None
    if line.recipe != recipe or not recipe.inputs or line.rows != rows_now:
        return None
    return (
        f"same code ({recipe.code}), parameters and inputs as the commit of "
        f"{line.committed_at:%Y-%m-%d %H:%M:%S} UTC ({line.rows:,} rows)"
    )
