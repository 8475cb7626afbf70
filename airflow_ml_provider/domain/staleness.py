"""Staleness: must a model be trained again, and why (the causes, not the clock on the wall)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from airflow_ml_provider.domain.fingerprint import fingerprint


class Verdict(StrEnum):
    """FRESH: nothing to do. STALE: train. UNKNOWN: it cannot be told yet, and nothing is trained."""

    FRESH = "FRESH"
    STALE = "STALE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Cause:
    """One leaf of the verdict: what it looked at, what it saw and what would make it stale."""

    name: str
    verdict: Verdict
    observed: str
    required: str

    def __str__(self) -> str:
        return f"{self.name}: {self.observed} (stale when {self.required})"


@dataclass(frozen=True, slots=True)
class RetrainPolicy:
    """
    What makes a model stale; None and False switch a cause off.

    ``age``: from the end of the training data to the moment of judgement. ``new_rows``: rows of
    feature partitions after the training data, as a fraction of the rows trained on (when below
    or equal 1.0 and written as a percentage) or as a number. ``restated``: a partition that was
    trained on has another content now. ``cooldown``: no training within this time of the last.
    """

    age: timedelta | None = None
    new_rows_fraction: float | None = None
    new_rows: int | None = None
    code: bool = False
    config: bool = False
    restated: bool = False
    cooldown: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a model version was trained on: the memory that staleness is judged against."""

    version: str
    train_key: str
    data_start: datetime
    data_end: datetime
    rows: int
    manifest: Mapping[str, str]
    code: str
    config: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's word that a model is stale."""

    reason: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    The world at the moment of judgement.

    ``available`` maps every committed feature partition (``table/key``) of the window that a
    training would read now to its content hash. ``current`` is the same for the partitions of the
    champion's own manifest. ``expected`` is how many partitions a full window has.
    ``rows_after`` counts rows of partitions past the champion's ``data_end``.
    """

    as_of: datetime
    available: Mapping[str, str]
    expected: int
    current: Mapping[str, str] = field(default_factory=dict)
    rows_after: int = 0
    code: str = ""
    config: str = ""
    champion: Snapshot | None = None
    mark: Mark | None = None
    trained_keys: frozenset[str] = frozenset()
    last_trained: datetime | None = None


@dataclass(frozen=True, slots=True)
class Staleness:
    """The verdict with every cause; ``suppressed`` names what holds a stale model back."""

    verdict: Verdict
    causes: tuple[Cause, ...]
    train_key: str
    suppressed: str | None = None

    @property
    def trains(self) -> bool:
        """Whether a training follows."""
        return self.verdict is Verdict.STALE and self.suppressed is None

    @property
    def reason(self) -> str:
        """One sentence with the evidence."""
        decisive = [cause for cause in self.causes if cause.verdict is self.verdict]
        sentence = (
            f"{self.verdict}, because {'; '.join(map(str, decisive)) or 'no cause is asked for'}"
        )
        return f"{sentence}; not trained now: {self.suppressed}" if self.suppressed else sentence


def train_key(model: str, manifest: Mapping[str, str], code: str, config: str) -> str:
    """Return the key under which a training happens once: the same inputs give the same key."""
    return fingerprint([model, dict(manifest), code, config])


def staleness(model: str, policy: RetrainPolicy, evidence: Evidence) -> Staleness:
    """
    Judge ``model``.

    Too little data is UNKNOWN. No champion is STALE. Otherwise any cause of the policy that says
    STALE makes it so. Suppressed by: the same train key was trained before, or the cooldown; a
    mark by hand overrides the cooldown, and never the train key or missing data.
    """
    key = train_key(model, evidence.available, evidence.code, evidence.config)
    if len(evidence.available) < evidence.expected:
        return Staleness(Verdict.UNKNOWN, (_too_little(evidence),), key)
    causes = (
        (_no_champion(),)
        if evidence.champion is None
        else _judged(policy, evidence, evidence.champion)
    )
    if evidence.mark is not None:
        causes = (*causes, _marked(evidence.mark))
    if not any(cause.verdict is Verdict.STALE for cause in causes):
        return Staleness(Verdict.FRESH, causes, key)
    return Staleness(Verdict.STALE, causes, key, _suppressor(policy, evidence, key))


def _too_little(evidence: Evidence) -> Cause:
    return Cause(
        "data",
        Verdict.UNKNOWN,
        f"{len(evidence.available)} of {evidence.expected} feature partitions of the window are committed",
        "the window is complete",
    )


def _no_champion() -> Cause:
    return Cause("first", Verdict.STALE, "there is no champion", "there is none")


def _marked(mark: Mark) -> Cause:
    observed = f"{mark.who} marked it on {mark.at:%Y-%m-%d %H:%M} UTC: {mark.reason}"
    return Cause("manual", Verdict.STALE, observed, "someone marks it")


def _judged(policy: RetrainPolicy, evidence: Evidence, champion: Snapshot) -> tuple[Cause, ...]:
    causes: list[Cause] = []
    if policy.age is not None:
        causes.append(_age(policy.age, evidence.as_of - champion.data_end))
    if policy.new_rows_fraction is not None or policy.new_rows is not None:
        causes.append(_new_rows(policy, evidence.rows_after, champion.rows))
    if policy.restated:
        causes.append(_restated(champion.manifest, evidence.current))
    if policy.code:
        causes.append(_changed("code", champion.code, evidence.code))
    if policy.config:
        causes.append(_changed("config", champion.config, evidence.config))
    return tuple(causes)


def _age(limit: timedelta, age: timedelta) -> Cause:
    return Cause(
        "age",
        Verdict.STALE if age > limit else Verdict.FRESH,
        f"the training data ended {_days(age)} earlier",
        f"more than {_days(limit)}",
    )


def _new_rows(policy: RetrainPolicy, rows: int, trained_on: int) -> Cause:
    fraction = policy.new_rows_fraction
    limit = policy.new_rows if fraction is None else fraction * trained_on
    assert limit is not None  # noqa: S101  one of the two is set, or this cause is not asked for
    required = (
        f"more than {fraction:.0%} of {trained_on:,}" if fraction else f"more than {limit:,}"
    )
    return Cause(
        "new_rows",
        Verdict.STALE if rows > limit else Verdict.FRESH,
        f"{rows:,} new rows",
        required,
    )


def _restated(trained: Mapping[str, str], current: Mapping[str, str]) -> Cause:
    changed = sorted(key for key, content in trained.items() if current.get(key) != content)
    shown = ", ".join(changed[:3]) + (" …" if len(changed) > 3 else "")  # noqa: PLR2004
    return Cause(
        "restated",
        Verdict.STALE if changed else Verdict.FRESH,
        f"{len(changed)} of {len(trained)} partitions trained on have changed"
        + (f" ({shown})" if changed else ""),
        "any has changed",
    )


def _changed(name: str, before: str, now: str) -> Cause:
    same = before == now
    observed = f"{name} is still {now}" if same else f"{name} was {before} and is {now}"
    return Cause(name, Verdict.FRESH if same else Verdict.STALE, observed, "it differs")


def _suppressor(policy: RetrainPolicy, evidence: Evidence, key: str) -> str | None:
    if key in evidence.trained_keys:
        return f"these very inputs were trained on before (train key {key})"
    if evidence.mark is not None or evidence.last_trained is None:
        return None
    until = evidence.last_trained + policy.cooldown
    if evidence.as_of < until:
        return f"cooldown until {until:%Y-%m-%d %H:%M} UTC"
    return None


def _days(span: timedelta) -> str:
    days, rest = divmod(span, timedelta(days=1))
    hours = rest / timedelta(hours=1)
    if days and not hours:
        return f"{days} d"
    return f"{days} d {hours:.0f} h" if days else f"{hours:.0f} h"
