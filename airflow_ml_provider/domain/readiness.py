"""Readiness: may a window be computed yet, and if not, what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """READY: go on. WAIT: look again later. NEVER: waiting cannot help."""

    READY = "READY"
    WAIT = "WAIT"
    NEVER = "NEVER"


@dataclass(frozen=True, slots=True)
class Condition:
    """One leaf of the verdict: what it looked at, what it saw and what it requires."""

    name: str
    verdict: Verdict
    observed: str
    required: str

    def __str__(self) -> str:
        return f"{self.name}: {self.observed}, required {self.required}"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict on one window with every condition that led to it."""

    verdict: Verdict
    conditions: tuple[Condition, ...]

    @property
    def reason(self) -> str:
        """One sentence: what is missing, or that all is there."""
        if self.verdict is Verdict.READY:
            return (
                f"READY, because {'; '.join(map(str, self.conditions)) or 'nothing is required'}"
            )
        missing = [str(c) for c in self.conditions if c.verdict is self.verdict]
        return f"{self.verdict}, because {'; '.join(missing)}"


@dataclass(frozen=True, slots=True)
class SourceRule:
    """
    When a source is ready for a window.

    ``rows_min``: so many rows inside the window. ``watermark``: the newest event time of the whole
    table must reach the window's end (plus ``lag``). ``lateness``: a window whose end is longer
    ago than this counts as complete even where the watermark has not passed (a quiet feed).
    """

    rows_min: int | None = None
    watermark: bool = False
    lateness: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a store saw: rows inside the window and the newest event time of the table."""

    rows: int
    newest: datetime | None


def source_conditions(
    name: str, rule: SourceRule, facts: SourceFacts, *, end: datetime, now: datetime
) -> tuple[Condition, ...]:
    """Judge one source of a window that closes at ``end``."""
    conditions: list[Condition] = []
    if rule.rows_min is not None:
        conditions.append(
            Condition(
                f"{name} rows",
                Verdict.READY if facts.rows >= rule.rows_min else Verdict.WAIT,
                f"{facts.rows:,} rows in the window",
                f"at least {rule.rows_min:,}",
            )
        )
    if rule.watermark:
        conditions.append(_watermark(name, facts.newest, end, rule.lateness, now))
    elif rule.lateness is not None:
        due = end + rule.lateness
        conditions.append(
            Condition(
                f"{name} lateness",
                Verdict.READY if now >= due else Verdict.WAIT,
                f"it is {now:%Y-%m-%d %H:%M} UTC",
                f"{due:%Y-%m-%d %H:%M} UTC or later",
            )
        )
    return tuple(conditions)


def _watermark(
    name: str, newest: datetime | None, end: datetime, lateness: timedelta | None, now: datetime
) -> Condition:
    passed = newest is not None and newest >= end
    waited = lateness is not None and now >= end + lateness
    observed = "no rows at all" if newest is None else f"newest row {newest:%Y-%m-%d %H:%M} UTC"
    if waited and not passed:
        observed += f", lateness of {lateness} is over"
    return Condition(
        f"{name} watermark",
        Verdict.READY if passed or waited else Verdict.WAIT,
        observed,
        f"{end:%Y-%m-%d %H:%M} UTC or later",
    )


def committed_condition(table: str, missing: Iterable[str], expected: int) -> Condition:
    """Judge whether every upstream partition is committed; ``missing`` are the keys that are not."""
    absent = sorted(missing)
    shown = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")  # noqa: PLR2004
    return Condition(
        f"{table} committed",
        Verdict.WAIT if absent else Verdict.READY,
        f"{expected - len(absent)} of {expected} partitions"
        + (f" (missing {shown})" if absent else ""),
        "all of them",
    )


def readiness(conditions: Iterable[Condition]) -> Readiness:
    """Combine conditions: NEVER wins over WAIT, WAIT over READY; every condition is kept."""
    every = tuple(conditions)
    verdicts = {condition.verdict for condition in every}
    for verdict in (Verdict.NEVER, Verdict.WAIT):
        if verdict in verdicts:
            return Readiness(verdict, every)
    return Readiness(Verdict.READY, every)
