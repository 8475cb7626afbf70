"""Inputs: the feature partitions that a training or an inference reads, as the ledger has them."""

from __future__ import annotations

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

    def windows(self, window: Window) -> tuple[Window, ...]:
        """
        Return the partitions that ``window`` needs: those that begin inside it.

        Where none does (weekly features for a daily prediction), it is the last one that had
        ended by then.
        """
        inside = self.calendar.within(window)
        if inside:
            return inside
        return (self.calendar.previous(self.calendar.window_at(window.start)),)


def upstream(views: Iterable[FeatureView]) -> tuple[Upstream, ...]:
    """Return the feature tables of ``views``."""
    return tuple(Upstream(view.table, view.calendar) for view in views)


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
