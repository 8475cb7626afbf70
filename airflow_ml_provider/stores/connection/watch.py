"""A watch: a second pair of eyes while a statement waits for a lock, which sees who is in the way."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    MLProviderError,
    UnavailableError,
)
from airflow_ml_provider.stores.connection.session import LockedError

_LOOK_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for any lock, and for one that a past attempt of ours holds."""

    for_locks: float
    for_past: float


class Watch(ABC):
    """A look, on a connection of its own, at who holds a statement up for long."""

    # No second connection, or no right to end another: the lock runs into its timeout.
    gives_up: ClassVar[tuple[type[MLProviderError], ...]] = (ConfigurationError, UnavailableError)

    def __init__(self, patience: Patience, connected: Callable[[], Any]) -> None:
        self.patience = patience
        self.over = threading.Event()
        self._connected = connected
        self._thread = threading.Thread(target=self._looking, daemon=True)

    @abstractmethod
    def see(self, session: Any) -> None:
        """Look who is in the way."""

    @abstractmethod
    def clear_the_way(self, session: Any) -> None:
        """End a past attempt at the same partition, and nobody else."""

    @abstractmethod
    def told(self) -> str:
        """Return the sentences on who was seen, which follow the engine's own."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self.over.set()
        self._thread.join()

    def _looking(self) -> None:
        takes_over = time.monotonic() + self.patience.for_past
        if self.over.wait(min(self.patience.for_past, self.patience.for_locks / 2)):
            return
        with suppress(*self.gives_up), closing(self._connected()) as session:
            while not self.over.is_set():
                self.see(session)
                if time.monotonic() >= takes_over:
                    self.clear_the_way(session)
                self.over.wait(_LOOK_EVERY)


@contextmanager
def kept(watch: Watch) -> Iterator[None]:
    """
    Keep watch while the body waits.

    :raises LockedError: in place of the body's, with who held the lock.
    """
    watch.start()
    try:
        yield
    except LockedError as error:
        watch.end()
        msg = f"{error}{watch.told()}"
        raise LockedError(msg) from error
    finally:
        watch.end()
