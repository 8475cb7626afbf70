"""Needs in plain form: what a wait looks for, as JSON that survives the way to the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow_ml_provider.domain.pipeline import Source
from airflow_ml_provider.domain.readiness import SourceRule
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Calendar, Granularity, Window
from airflow_ml_provider.steps.inputs import Upstream
from airflow_ml_provider.steps.readiness import Needs

Plain = dict[str, Any]


def needs_to_plain(needs: Needs) -> Plain:
    """Return ``needs`` as JSON data."""
    return {
        "sources": [_source_to_plain(source) for source in needs.sources],
        "upstream": [
            {
                "table": str(feature.table),
                "granularity": feature.calendar.granularity.value,
                "timezone": feature.calendar.timezone,
            }
            for feature in needs.upstream
        ],
    }


def needs_from_plain(plain: Mapping[str, Any]) -> Needs:
    """Return what :func:`needs_to_plain` wrote."""
    return Needs(
        tuple(_source_from_plain(source) for source in plain["sources"]),
        tuple(
            Upstream(
                TableName.parse(feature["table"]),
                Calendar(Granularity(feature["granularity"]), feature["timezone"]),
            )
            for feature in plain["upstream"]
        ),
    )


def window_to_plain(window: Window) -> Plain:
    """Return ``window`` as JSON data."""
    return {
        "key": window.key,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
    }


def window_from_plain(plain: Mapping[str, Any]) -> Window:
    """Return what :func:`window_to_plain` wrote."""
    start, end = (datetime.fromisoformat(plain[name]) for name in ("start", "end"))
    return Window(plain["key"], start, end)


def _source_to_plain(source: Source) -> Plain:
    lateness = source.rule.lateness
    return {
        "name": source.name,
        "table": str(source.table),
        "time": source.time,
        "rows_min": source.rule.rows_min,
        "watermark": source.rule.watermark,
        "lateness": None if lateness is None else lateness.total_seconds(),
    }


def _source_from_plain(plain: Mapping[str, Any]) -> Source:
    seconds = plain["lateness"]
    rule = SourceRule(
        rows_min=plain["rows_min"],
        watermark=plain["watermark"],
        lateness=None if seconds is None else timedelta(seconds=seconds),
    )
    return Source(plain["name"], TableName.parse(plain["table"]), plain["time"], rule)
