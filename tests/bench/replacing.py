"""A comparison of two sides that replace the same partition, with rows that never repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Protocol

from airflow_ml_provider.domain.window import Window
from tests.bench import rows
from tests.bench.figure import Figure, excess, ratio
from tests.bench.measure import Cost, cost, in_turns

OURS, BARE = "ours", "bare"
Costs = dict[str, list[Cost]]
_numbers = count(1)


class Side(Protocol):
    """Somebody who can replace a partition."""

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by rows from outside."""

    def push(self, window: Window, sql: str) -> None:
        """Replace a partition by the answer of a SELECT in the same database."""


def at_rest() -> None:
    """Do nothing between two measurements."""


@dataclass(frozen=True, slots=True)
class Contest:
    """
    Two sides, and the day that both replace.

    ``cpu`` reads the processor time of all who work; ``rest`` is called before each measurement.
    """

    sides: Mapping[str, Side]
    day: rows.Partition
    cpu: Callable[[], float] = time.process_time
    rest: Callable[[], None] = at_rest

    def loads(self, rounds: int) -> Costs:
        """Let each side load new rows, in turns."""
        return self._in_turns(rounds, self._load)

    def pushes(self, rounds: int) -> Costs:
        """Let each side run a SELECT of new rows, in turns."""
        return self._in_turns(rounds, self._push)

    def _in_turns(self, rounds: int, action: Callable[[Side], Cost]) -> Costs:
        actions = {name: partial(action, side) for name, side in self.sides.items()}
        return in_turns(rounds, actions)

    def _load(self, side: Side) -> Cost:
        fresh = rows.again(self.day, next(_numbers))
        self.rest()
        return cost(lambda: side.load(fresh), self.cpu)

    def _push(self, side: Side) -> Cost:
        sql = rows.select_again(self.day, next(_numbers))
        self.rest()
        return cost(lambda: side.push(self.day.window, sql), self.cpu)


def pair(group: str, name: str, costs: Costs, limit: float | None) -> list[Figure]:
    """Return the ratio of wall times, which is judged, and that of processor times."""
    wall = {side: [one.wall for one in found] for side, found in costs.items()}
    work = {side: [one.cpu for one in found] for side, found in costs.items()}
    return [
        ratio(group, name, wall[OURS], wall[BARE], "s", limit),
        ratio(group, f"{name}, processor", work[OURS], work[BARE], "s"),
    ]


def added(group: str, name: str, costs: Costs, limit: float) -> list[Figure]:
    """Return what our side takes over the other: on the wall, which is judged, and in work."""
    wall = {side: [1000 * one.wall for one in found] for side, found in costs.items()}
    work = {side: [1000 * one.cpu for one in found] for side, found in costs.items()}
    return [
        excess(group, name, wall[OURS], wall[BARE], "ms", limit, strict=True),
        excess(group, f"{name}, processor", work[OURS], work[BARE], "ms"),
    ]
