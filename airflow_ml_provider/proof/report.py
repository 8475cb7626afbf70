"""A report: every trial in a line, and the verdict, as text."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.proof.trial import Outcome, Report

_HEAD = f"{'trial':<28}{'rows':>10}{'events':>8}  {'content':<18}result"


def told(report: Report) -> str:
    """Return the whole report."""
    outcomes = [line for outcome in report.outcomes for line in row(outcome)]
    return "\n".join([f"{report.pipeline} {report.key}", _HEAD, *outcomes, verdict(report)])


def head() -> str:
    """Return the names of the columns."""
    return _HEAD


def row(outcome: Outcome) -> Iterator[str]:
    """Yield the line of a trial, and one more for each further fault."""
    left, (first, *more) = outcome.left, outcome.faults or ("as it should be",)
    rows, events, content = ("", "", "")
    if left is not None:
        rows, events, content = f"{left.rows:,}", str(left.events), fingerprint(left.digest)
    yield f"{outcome.trial.name:<28}{rows:>10}{events:>8}  {content:<18}{first}"
    for fault in more:
        yield f"{'':<66}{fault}"


def verdict(report: Report) -> str:
    """Return the last line."""
    broken = sum(bool(outcome.faults) for outcome in report.outcomes)
    if report.proven:
        return f"Proven: all {len(report.outcomes)} trials left the same, once."
    return f"Not proven: {broken} of {len(report.outcomes)} trials left something else."
