"""A takeover: a past attempt of ours that holds a partition's line and does not move is ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from airflow_ml_provider.domain.errors import ConfigurationError, MLProviderError
from airflow_ml_provider.stores.connection.watch import Patience, Watch, kept

# So many tries back a frozen attempt is looked for.
_TOKENS = 100
# Who holds a lock of InnoDB that a connection waits for; both servers want PROCESS for it.
_HOLDERS = {
    "mariadb": "information_schema.innodb_lock_waits AS wait "
    "JOIN information_schema.innodb_trx AS mine ON mine.trx_id = wait.requesting_trx_id "
    "JOIN information_schema.innodb_trx AS theirs ON theirs.trx_id = wait.blocking_trx_id",
    "mysql": "performance_schema.data_lock_waits AS wait JOIN information_schema.innodb_trx AS mine "
    "ON mine.trx_id = wait.requesting_engine_transaction_id "
    "JOIN information_schema.innodb_trx AS theirs "
    "ON theirs.trx_id = wait.blocking_engine_transaction_id",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A partition's line in a ledger, of which attempts make the name of their lock."""

    database: str
    schema: str
    table: str
    key: str

    def attempt(self, token: int) -> str:
        """Return the name under which an attempt is known; locks have names of 64 letters."""
        place = "\0".join((self.database, self.schema, self.table, self.key))
        return f"ml/{hashlib.sha256(place.encode()).hexdigest()[:32]}/{token}"

    def past(self, newest: int) -> list[str]:
        """Return the names of the attempts that ``newest`` puts an end to, and its own."""
        return [self.attempt(token) for token in range(newest, max(newest - _TOKENS, 0), -1)]


def watched(
    place: Place,
    newest: Callable[[Any], int],
    mine: int,
    patience: Patience,
    connected: Callable[[], Any],
) -> AbstractContextManager[None]:
    """
    Look, when the body takes long, at who holds connection ``mine`` up.

    A past attempt at the same partition is ended; nobody else is. ``newest`` reads the token up
    to which attempts are past.

    :raises LockedError: in place of the body's, with who held the lock.
    """
    return kept(_Watch(place, newest, mine, patience, connected))


class _Watch(Watch):
    """A watch over one connection, which knows past attempts by their locks."""

    gives_up = (MLProviderError,)

    def __init__(
        self,
        place: Place,
        newest: Callable[[Any], int],
        mine: int,
        patience: Patience,
        connected: Callable[[], Any],
    ) -> None:
        super().__init__(patience, connected)
        self._place = place
        self._newest = newest
        self._mine = mine
        self._seen: list[str] = []
        self._blind = False

    def told(self) -> str:
        who = " and ".join(self._seen) or "somebody whom the server does not name"
        cure = " Grant this user PROCESS to be told who it is." if self._blind else ""
        return (
            f". For more than {self.patience.for_locks:g} s the lock has been held by {who}. Only "
            "a past attempt at the same partition is ended for it. Nothing was written. Wait for "
            f"the holder or end it, then try again.{cure}"
        )

    def see(self, session: Any) -> None:
        try:
            self._seen = session.holders(self._mine) or self._seen
        except ConfigurationError:
            self._blind = True

    def clear_the_way(self, session: Any) -> None:
        for name in self._place.past(self._newest(session)):
            holder = session.holder(name)
            if holder not in {None, self._mine} and not self.over.is_set():
                session.end(holder)


def holders_of(flavour: str, waiting: int) -> str:
    """Return the SELECT of the connections that hold ``waiting`` up, with their users."""
    return (
        f"SELECT DISTINCT theirs.trx_mysql_thread_id, process.user, process.host "
        f"FROM {_HOLDERS[flavour]} LEFT JOIN information_schema.processlist AS process "
        f"ON process.id = theirs.trx_mysql_thread_id WHERE mine.trx_mysql_thread_id = {waiting}"
    )
