"""A takeover: an older attempt of ours that holds a lock and does not move is ended."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.table import TableName

_LOOK_EVERY = 0.5

Ask = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]


def attempt_name(table: TableName, key: str, token: int | None) -> str:
    """Return the ``application_name`` of an attempt's transaction; none needs more than 63 bytes."""
    place = "\0".join((table.schema or "", table.name, key))
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return f"ml/{digest}/{'claim' if token is None else token}"


@contextmanager
def watched(name: str, pid: int, after: float, connected: Callable[[], Any]) -> Iterator[None]:
    """
    Look, when the body takes longer than ``after`` seconds, at who holds process ``pid`` up.

    An older attempt of the same partition is terminated; nobody else is.
    """
    over = threading.Event()
    watch = threading.Timer(after, _clear_the_way, (name, pid, connected, over))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.cancel()
        watch.join()


def _clear_the_way(
    name: str, pid: int, connected: Callable[[], Any], over: threading.Event
) -> None:
    session = connected()
    try:
        while not over.is_set():
            for blocker, theirs in _blockers(session, pid):
                if is_older(theirs, name) and not over.is_set():
                    session.execute("SELECT pg_terminate_backend($1)", (blocker,))
            over.wait(_LOOK_EVERY)
    except MLProviderError:
        # Without a second connection the lock runs into its timeout, which says who holds it.
        return
    finally:
        session.close()


def _blockers(session: Any, pid: int) -> list[tuple[int, str]]:
    rows: list[tuple[int, str]] = session.execute(
        "SELECT pid::int, application_name FROM pg_stat_activity "
        "WHERE pid = ANY (pg_blocking_pids($1::int))",
        (pid,),
    )
    return rows


def is_older(theirs: str, mine: str) -> bool:
    """Whether the name ``theirs`` is of an attempt that ``mine`` comes after, same partition."""
    other, own = (re.fullmatch(r"(ml/[0-9a-f]{16})/(\w+)", name) for name in (theirs, mine))
    if other is None or own is None or other[1] != own[1] or not other[2].isdigit():
        return False
    return own[2] == "claim" or int(other[2]) < int(own[2])
