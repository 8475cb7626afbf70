"""An actor: a process that plays a part in a test, and can be held, frozen and killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any, Self

import adbc_driver_postgresql.dbapi  # noqa: F401  loaded once, before the processes are forked
import duckdb  # noqa: F401
import pyarrow as pa  # noqa: F401
import pyiceberg.catalog.sql
import pyiceberg.io.pyarrow  # noqa: F401

_LONGEST_WAIT = 120.0

# Processes are forked from a server that has nothing open and the libraries in memory.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "tests.stores.attempt"])


class Actor:
    """
    A process, seen from the test. Leaving the ``with`` block ends it.

    ``part`` is called there with the stage (a connection, on which it sends the steps it has done)
    and ``arguments``.
    """

    def __init__(self, part: Callable[..., None], *arguments: Any) -> None:
        self._stage, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=part, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.killed()
        self._stage.close()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def says(self) -> Any:
        """Wait for what it says next."""
        assert self._stage.poll(_LONGEST_WAIT), "The actor has said nothing for too long."
        return self._stage.recv()

    def reaches(self, step: str) -> None:
        """Wait until the process has done ``step``."""
        heard = None
        while heard != step:
            heard = self.says()
            assert isinstance(heard, str), heard

    def goes_on(self) -> None:
        """Let a process that holds go on."""
        self._stage.send("go on")

    def dies(self) -> None:
        """Wait for a death that was planned."""
        self._process.join(_LONGEST_WAIT)
        assert self._process.exitcode == -signal.SIGKILL

    def killed(self) -> None:
        """Kill the process, wherever it is."""
        self._process.kill()
        self._process.join()

    def frozen(self) -> None:
        """Stop the process as a machine that swaps or a network that is cut does."""
        os.kill(self.pid, signal.SIGSTOP)

    def thawed(self) -> None:
        """Let a frozen process run again."""
        os.kill(self.pid, signal.SIGCONT)
