"""A trial: how a partition is computed this time, and what must have come of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """
    Computations of one partition, one after the other or ``together``, from nothing.

    ``deaths`` has an entry for each: the number of the step after which it is killed, counted from
    1, or None where it may go to its end.
    """

    name: str
    deaths: tuple[int | None, ...]
    together: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """
    What a trial left behind.

    ``ledger_rows`` is what the ledger says of the ``rows`` that are there; ``events`` is how often
    downstream was told, or how many versions of a model were registered.
    """

    rows: int
    ledger_rows: int
    digest: str
    events: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial that is over: what it left, and what is wrong with that (nothing, if all is well)."""

    trial: Trial
    left: Left | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Every trial of one partition of a pipeline."""

    pipeline: str
    key: str
    outcomes: tuple[Outcome, ...]

    @property
    def proven(self) -> bool:
        """Whether every trial left the same, once."""
        return not any(outcome.faults for outcome in self.outcomes)


ONCE = Trial("run", (None,))


def further(steps: Sequence[str]) -> Iterator[Trial]:
    """Yield the trials that follow the first computation, which took ``steps``."""
    yield Trial("run, and run again", (None, None))
    for number, step in enumerate(steps, start=1):
        times = steps[:number].count(step)
        again = f" ({times})" if times > 1 else ""
        yield Trial(f"killed when {step}{again}", (number, None))
    yield Trial("two at once", (None, None), together=True)


def compared(first: Left, left: Left) -> Iterator[str]:
    """Yield a sentence for everything in ``left`` that is not as ``first``, or not as it should."""
    if left.rows != left.ledger_rows:
        yield f"the ledger says {left.ledger_rows:,} rows, {left.rows:,} are there"
    if left.rows != first.rows:
        yield f"{left.rows:,} rows, the first run made {first.rows:,}"
    elif left.digest != first.digest:
        yield (
            "other content from the same inputs: the code reads a clock, a random number, an order "
            "that is not fixed, or something that is not among its inputs"
        )
    if left.events != 1:
        yield f"{left.events} events or versions instead of 1"
