"""Retention: how long what nobody needs any more is kept, and what of it was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_ml_provider.domain.errors import ConfigurationError

STAGING_SUFFIX = "__staging"
STAGING_KEY = "staging_chunk"


@dataclass(frozen=True, slots=True)
class Retention:
    """
    ``keep`` is how long the ledger remembers what has been superseded.

    ``abandoned`` is how long an attempt may be silent before what it left is taken for dead; it is
    far longer than any attempt lives.

    :raises ConfigurationError: when records would go while their run may still be under way.
    """

    keep: timedelta = timedelta(days=90)
    abandoned: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        if self.keep < self.abandoned:
            msg = (
                f"Records cannot be kept for {self.keep} only: a run may still be under way for "
                f"{self.abandoned.days} days, and needs its own. Keep them for that long at least."
            )
            raise ConfigurationError(msg)

    def remembered_since(self, now: datetime) -> datetime:
        """Return the moment before which superseded records go."""
        return now - self.keep

    def alive_since(self, now: datetime) -> datetime:
        """Return the moment before which an attempt has died."""
        return now - self.abandoned


@dataclass(frozen=True, slots=True)
class Garbage:
    """How many things of a kind nobody needs any more."""

    what: str
    count: int
