"""A measurement: in a forked child, by the clock of the processor, in turns with its peers."""

from __future__ import annotations

import os
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What an action took, in seconds: on the wall, and of processor time."""

    wall: float
    cpu: float


def cost(action: Callable[[], object], cpu: Callable[[], float] = time.process_time) -> Cost:
    """Return what ``action`` takes; ``cpu`` reads the processor time of all who work for it."""
    worked, began = cpu(), time.perf_counter()
    action()
    return Cost(time.perf_counter() - began, cpu() - worked)


def in_turns(rounds: int, actions: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Run every action ``rounds`` times, round by round, every other round backwards."""
    found: dict[str, list[T]] = {name: [] for name in actions}
    for number in range(rounds):
        order = list(actions) if number % 2 == 0 else list(reversed(actions))
        for name in order:
            found[name].append(actions[name]())
    return found


def in_child(action: Callable[[], T]) -> T:
    """
    Run ``action`` in a forked child, which begins with all that this process has imported.

    :raises RuntimeError: with the child's traceback, when it fails.
    """
    answer, door = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answer)
        _answer(action, door)
    os.close(door)
    with os.fdopen(answer, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        msg = "A measured child died without a word."
        raise RuntimeError(msg)
    value, failure = pickle.loads(said)  # noqa: S301  our own child wrote it
    if failure:
        raise RuntimeError(failure)
    return value  # type: ignore[no-any-return]


def _answer(action: Callable[[], object], door: int) -> None:
    try:
        said = pickle.dumps((action(), ""))
    except BaseException:
        said = pickle.dumps((None, traceback.format_exc()))
    with os.fdopen(door, "wb") as pipe:
        pipe.write(said)
    os._exit(0)
