"""Garbage collection: what nobody needs any more leaves every store that the pipelines use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import ConfigurationError, MLProviderError
from airflow_ml_provider.domain.retention import Retention

if TYPE_CHECKING:
    from airflow_ml_provider.spec.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one store: a line for people, and whether it could not be cleaned."""

    said: str
    failed: bool = False


def cleaned(catalog: Catalog, keep: str, *, dry_run: bool) -> Iterator[Outcome]:
    """
    Clean each store once and yield what was found there.

    :raises ConfigurationError: for a duration that is none.
    """
    from airflow_ml_provider.hooks.store import open_store

    retention = Retention(keep=_span(keep))
    for conn_id in sorted({entry.store for entry in catalog.entries}, key=str):
        try:
            with open_store(conn_id) as store:
                found = store.collect(retention, datetime.now(UTC), dry_run=dry_run)
        except MLProviderError as error:
            yield Outcome(f"{conn_id or '(embedded)'}: {error}", failed=True)
            continue
        told = ", ".join(f"{each.count:,} {each.what}" for each in found if each.count)
        verb = "would go" if dry_run else "went"
        yield Outcome(f"{store.address}: {told or 'nothing'} {verb}")


def _span(text: str) -> timedelta:
    from airflow_ml_provider.spec.reading import read_span

    try:
        return read_span(text)
    except ValueError as error:
        msg = f"--keep {text!r} is no duration. Write it like 30d or 12w."
        raise ConfigurationError(msg) from error
