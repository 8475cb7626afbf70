"""Run: one partition in this process, told step by step."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.ledger import Owner

if TYPE_CHECKING:
    from airflow_ml_provider.spec.catalog import Entry


def run_partition(entry: Entry, key: str, *, unready: bool, approved: bool) -> Iterator[str]:
    """
    Compute the partition ``key`` and yield a line for each step.

    No event is made: what a scheduler knows of the change, the next run of the Dag tells it.

    :raises MLProviderError: when a step fails, or data is awaited and ``unready`` is not said.
    """
    from airflow_ml_provider.hooks.registry import open_registry
    from airflow_ml_provider.hooks.store import open_store
    from airflow_ml_provider.steps.attempt import attempt
    from airflow_ml_provider.steps.walk import Errand, walk

    entry.make_importable()
    window, now = entry.pipeline.calendar.window(key), _now()
    owner = Owner(entry.name, f"shell__{getpass.getuser()}__{now:%Y%m%dT%H%M%S%f}", "run")
    yield f"{entry.name} {window}"
    with (
        open_store(entry.store) as store,
        attempt(store.ledger, owner, f"{entry.name} {key}", clock=_now),
    ):
        errand = Errand(
            store,
            lambda: open_registry(entry.registry),
            window,
            owner,
            now,
            unready=unready,
            approved=approved or not entry.approve,
        )
        for step, said in walk(errand, entry.pipeline):
            yield f"{step:<17}{said}"


def _now() -> datetime:
    return datetime.now(UTC)
