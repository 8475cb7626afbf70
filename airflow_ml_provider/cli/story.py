"""The story of a run: its tries as the ledger has them, and how the last of them ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Ledger
    from airflow_ml_provider.domain.training import Attempt

_OWNER = re.compile(r"(?P<dag>[^/]+)/(?P<run>.+)/(?P<task>[^/]+)#\d+")


def tries_of(ledger: Ledger, owner: str) -> tuple[Attempt, ...]:
    """Return every try of the run that ``owner`` (as a ledger line has it) belongs to."""
    match = _OWNER.fullmatch(owner)
    return tuple(ledger.attempts(match["dag"], match["run"])) if match else ()


def failure_of(ledger: Ledger, owner: str) -> str | None:
    """Return what is wrong with the last try of that run, or None when it ended well."""
    tries = tries_of(ledger, owner)
    return _trouble(tries[-1]) if tries else None


def told(tries: tuple[Attempt, ...]) -> Iterator[str]:
    """Yield a sentence for each try."""
    for each in tries:
        place = f"[{each.map_index}]" if each.map_index >= 0 else ""
        ended = _trouble(each) or "ended well"
        yield f"{each.task_id}{place} try {each.try_number}, {when(each.started_at)}: {ended}"


def when(moment: datetime | None) -> str:
    """Return a moment as people read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _trouble(attempt: Attempt) -> str | None:
    if attempt.ended_at is None:
        return "has not ended: it still runs, or was killed before it could say so"
    if attempt.failure_class is None:
        return None
    return f"failed ({attempt.failure_class}): {attempt.message}"
