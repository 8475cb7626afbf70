"""Inputs: the feature partitions that a training or an inference reads, as the ledger has them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_ml_provider.domain.ledger import Line
from airflow_ml_provider.domain.pipeline import FeatureView
from airflow_ml_provider.domain.ports import Ledger
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Calendar, Window


@dataclass(frozen=True, slots=True)
class Upstream:
    """A feature table and how its partitions lie in time."""

    table: TableName
    calendar: Calendar

    def span(self, window: Window) -> Window:
        """
        Return the time of the partitions that ``window`` needs: those that begin inside it.

        Where none does (weekly features for a daily prediction), it is that of the last one that
        had ended by then.
        """
        if self.calendar.at_most(window):
            return window
        return self.calendar.previous(self.calendar.window_at(window.start))

    def windows(self, window: Window) -> tuple[Window, ...]:
        """Return the partitions that ``window`` needs."""
        return self.calendar.within(self.span(window))


@dataclass(frozen=True, slots=True)
class Holdings:
    """
    What the ledger holds of a feature table, by the start of its partitions.

    One read of the ledger answers for every window inside.
    """

    source: Upstream
    lines: Sequence[Line]
    starts: Sequence[datetime]

    def of(self, window: Window) -> Sequence[Line]:
        """Return the lines of the partitions that ``window`` needs."""
        span = self.source.span(window)
        first, last = (bisect_left(self.starts, moment) for moment in (span.start, span.end))
        found = self.lines[first:last]
        if len(found) == self.source.calendar.at_most(span):
            return found
        # Something is missing, or left from another calendar: only then keys are looked at.
        keys = {each.key for each in self.source.calendar.within(span)}
        return [line for line in found if line.key in keys]

    def expected(self, window: Window) -> int:
        """Return how many partitions ``window`` needs."""
        span = self.source.span(window)
        most = self.source.calendar.at_most(span)
        return most if len(self.of(window)) == most else len(self.source.windows(window))


def upstream(views: Iterable[FeatureView]) -> tuple[Upstream, ...]:
    """Return the feature tables of ``views``."""
    return tuple(Upstream(view.table, view.calendar) for view in views)


def holdings(
    ledger: Ledger, sources: Iterable[Upstream], windows: Sequence[Window]
) -> tuple[Holdings, ...]:
    """Return what the ledger holds of each source for ``windows``, in one read of each."""
    return tuple(_held(ledger, source, windows) for source in sources)


def missing(ledger: Ledger, source: Upstream, windows: Sequence[Window]) -> list[str]:
    """Return the keys of ``windows`` that are not committed."""
    there = {line.key for line in committed(ledger, source, windows)}
    return [window.key for window in windows if window.key not in there]


def committed(ledger: Ledger, source: Upstream, windows: Sequence[Window]) -> list[Line]:
    """Return the committed lines of ``windows``."""
    if not windows:
        return []
    keys = {window.key for window in windows}
    lines = ledger.lines(source.table, windows[0].start, windows[-1].end)
    return [line for line in lines if line.key in keys]


def contents(lines: Iterable[Line]) -> dict[str, str]:
    """Return the content hash of each line by ``table/key``."""
    return {f"{line.table}/{line.key}": line.content_hash or "" for line in lines}


def earlier(calendar: Calendar, moment: datetime, span: timedelta) -> datetime:
    """
    Return the moment ``span`` before, by the calendar's own clock.

    Seven days before a midnight is a midnight, also across a change of daylight saving time.
    """
    return (moment.astimezone(calendar.zone) - span).astimezone(UTC)


def _held(ledger: Ledger, source: Upstream, windows: Sequence[Window]) -> Holdings:
    spans = [source.span(window) for window in windows]
    lines = ledger.lines(
        source.table, min(span.start for span in spans), max(span.end for span in spans)
    )
    dated = [line for line in lines if line.start is not None]
    return Holdings(source, dated, [line.start for line in dated if line.start])
