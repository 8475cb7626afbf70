"""Processes: those that we started, and all that they started, are ended and none is left."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from subprocess import Popen
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_PATIENCE = {signal.SIGTERM: 4.0, signal.SIGKILL: 5.0}


def stop_all(processes: Sequence[Popen[bytes]]) -> None:
    """Ask, then kill: each process with all that it started, known by their ids."""
    import psutil

    family: dict[int, psutil.Process] = {}
    for number, patience in _PATIENCE.items():
        for process in processes:
            family |= {member.pid: member for member in _family(process.pid)}
        # Asked first are only those that we started: they end their own children in good order.
        targets = [p.pid for p in processes] if number is signal.SIGTERM else list(family)
        for pid in targets:
            if pid in family:
                _send(family[pid], number)
        _, alive = psutil.wait_procs(list(family.values()), patience)
        family = {member.pid: member for member in alive}
        if not family:
            break
    for process in processes:
        process.wait()


def _family(pid: int) -> list[psutil.Process]:
    import psutil

    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _send(process: psutil.Process, number: signal.Signals) -> None:
    import psutil

    # The library makes sure that the id has not passed to another process meanwhile.
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
