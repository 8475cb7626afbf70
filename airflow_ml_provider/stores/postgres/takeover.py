"""A takeover: a past attempt of ours that holds a lock and does not move is ended."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.watch import Patience, Watch, kept


def attempt_name(table: TableName, key: str, token: int | None) -> str:
    """Return the ``application_name`` of an attempt's transaction; none needs more than 63 bytes."""
    place = "\0".join((table.schema or "", table.name, key))
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return f"ml/{digest}/{'claim' if token is None else token}"


def watched(
    name: str, pid: int, patience: Patience, connected: Callable[[], Any]
) -> AbstractContextManager[None]:
    """
    Look, when the body takes long, at who holds server process ``pid`` up.

    A past attempt at the same partition is terminated; nobody else is.

    :raises LockedError: in place of the body's, with who held the lock.
    """
    return kept(_Watch(name, pid, patience, connected))


class _Watch(Watch):
    """A watch over one server process, which knows the others by their names."""

    def __init__(
        self, name: str, pid: int, patience: Patience, connected: Callable[[], Any]
    ) -> None:
        super().__init__(patience, connected)
        self._name = name
        self._pid = pid
        self._seen: list[tuple[int, str]] = []

    def told(self) -> str:
        if not self._seen:
            return ""
        holders = " and ".join(f"process {pid} ({name!r})" for pid, name in self._seen)
        return (
            f". For more than {self.patience.for_locks:g} s the lock has been held by {holders}. "
            "Only a past attempt at the same partition is ended for it. Nothing was written. "
            "Wait for the holder or end it, then try again."
        )

    def see(self, session: Any) -> None:
        self._seen = _blockers(session, self._pid) or self._seen

    def clear_the_way(self, session: Any) -> None:
        for blocker, theirs in self._seen:
            if is_past(theirs, self._name) and not self.over.is_set():
                # Asked once more, since the session may have gone on to something else.
                session.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 "
                    "AND application_name = $2 AND pid = ANY (pg_blocking_pids($3::int))",
                    (blocker, theirs, self._pid),
                )


def _blockers(session: Any, pid: int) -> list[tuple[int, str]]:
    rows: list[tuple[int, str]] = session.execute(
        "SELECT pid, application_name FROM pg_stat_activity "
        "WHERE pid = ANY (pg_blocking_pids($1::int)) ORDER BY pid",
        (pid,),
    )
    return rows


def is_past(theirs: str, mine: str) -> bool:
    """
    Whether the name ``theirs`` is of an attempt at the same partition that ``mine`` puts an end to.

    That is an older one, or itself: an attempt has one connection, so the other one is lost.
    """
    other, own = (re.fullmatch(r"(ml/[0-9a-f]{16})/(\w+)", name) for name in (theirs, mine))
    if other is None or own is None or other[1] != own[1] or not other[2].isdigit():
        return False
    return own[2] == "claim" or int(other[2]) <= int(own[2])
