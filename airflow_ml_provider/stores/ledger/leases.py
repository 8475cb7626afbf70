"""A lease: the right to register one training, held by one process and lost by a dead one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from airflow_ml_provider.domain.errors import MLProviderError, UnavailableError
from airflow_ml_provider.stores.connection.session import Session, in_transaction


def register_once(
    session: Session,
    model: str,
    train_key: str,
    register: Callable[[], str],
    *,
    lease_seconds: float,
    wait_seconds: float,
) -> str:
    """
    Return the version of a train key; one holder of the lease calls ``register``.

    :raises UnavailableError: when another holder has not answered in ``wait_seconds``.
    """
    lease = _Lease(session, model, train_key, uuid4().hex, lease_seconds)
    deadline = time.monotonic() + wait_seconds
    pause = 0.05
    while True:
        if lease.taken():
            return lease.filled(register)
        version = lease.version()
        if version is not None:
            return version
        if time.monotonic() > deadline:
            raise UnavailableError(lease.too_long(wait_seconds))
        session.release()
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


class _Lease:
    def __init__(
        self, session: Session, model: str, train_key: str, holder: str, seconds: float
    ) -> None:
        self._session = session
        self._key = (model, train_key)
        self._holder = holder
        self._seconds = seconds
        # The database's clock counts, since the holders' clocks may differ.
        self._now = session.dialect.now
        self._in_a_while = session.dialect.later("$4")

    def taken(self) -> bool:
        return in_transaction(self._session, self._takes)

    def _takes(self) -> bool:
        values = (*self._key, self._holder, self._seconds)
        inherited = self._session.change(
            f"UPDATE ml_lease SET holder = $3, expires_at = {self._in_a_while} "
            f"WHERE model = $1 AND train_key = $2 AND version IS NULL AND expires_at < {self._now}",
            values,
        )
        return inherited > 0 or self._session.added(
            "INSERT INTO ml_lease (model, train_key, holder, expires_at) "
            f"VALUES ($1, $2, $3, {self._in_a_while})",
            values,
        )

    def _written(self, sql: str, values: Sequence[object]) -> None:
        in_transaction(self._session, lambda: self._session.change(sql, values))

    def version(self) -> str | None:
        rows = self._session.execute(
            "SELECT version FROM ml_lease WHERE model = $1 AND train_key = $2", self._key
        )
        return rows[0][0] if rows else None

    def filled(self, register: Callable[[], str]) -> str:
        self._session.release()
        try:
            with self._kept_alive():
                version = register()
        except BaseException:
            self._given_back()
            raise
        self._written(
            "UPDATE ml_lease SET version = $3 "
            "WHERE model = $1 AND train_key = $2 AND version IS NULL",
            (*self._key, version),
        )
        # Whoever noted an answer first is right, for everybody.
        return self.version() or version

    def _given_back(self) -> None:
        self._written(
            "DELETE FROM ml_lease WHERE model = $1 AND train_key = $2 AND holder = $3 "
            "AND version IS NULL",
            (*self._key, self._holder),
        )

    @contextmanager
    def _kept_alive(self) -> Iterator[None]:
        done = threading.Event()
        beat = threading.Thread(target=self._beat, args=(done,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            done.set()
            beat.join()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(self._seconds / 3):
            session = self._session.another()
            try:
                session.change(
                    f"UPDATE ml_lease SET expires_at = {self._in_a_while} "
                    "WHERE model = $1 AND train_key = $2 AND holder = $3",
                    (*self._key, self._holder, self._seconds),
                )
            except MLProviderError:
                # A missed beat is made up for by the next one; a lost lease costs a second call.
                continue
            finally:
                session.close()

    def too_long(self, seconds: float) -> str:
        model, train_key = self._key
        return (
            f"Another process has been registering {model} ({train_key}) for more than "
            f"{seconds:.0f} s. Nothing was registered by this one. Try again later."
        )
