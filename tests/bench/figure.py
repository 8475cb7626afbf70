"""A figure: what we took, what the peer or floor took, and whether that holds the target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One line of the table.

    ``value`` is what is judged: ``ours / peer`` for a ratio, or a plain number in ``unit``. It
    holds its target while it does not exceed ``limit``; without a limit it is for information.
    """

    group: str
    name: str
    ours: float
    peer: float | None
    unit: str
    value: float
    limit: float | None = None
    strict: bool = False

    @property
    def verdict(self) -> str:
        """PASS, MISS, or nothing where no target is set."""
        if self.limit is None:
            return ""
        held = self.value < self.limit if self.strict else self.value <= self.limit
        return "PASS" if held else "MISS"

    def cells(self) -> tuple[str, ...]:
        """Return the line, column by column."""
        peer = "-" if self.peer is None else _number(self.peer)
        target = "-"
        if self.limit is not None:
            target = f"{'<' if self.strict else '<='} {self.limit:g}"
        return (
            self.name,
            f"{_number(self.ours)} {self.unit}",
            f"{peer} {self.unit}" if self.peer is not None else peer,
            f"{self.value:.2f}",
            target,
            self.verdict or "-",
        )


HEAD = ("what", "ours", "beside", "figure", "target", "verdict")


def ratio(
    group: str,
    name: str,
    ours: Sequence[float],
    peer: Sequence[float],
    unit: str,
    limit: float | None = None,
) -> Figure:
    """Return the median of ``ours`` over the median of ``peer``."""
    mine, other = median(ours), median(peer)
    return Figure(group, name, mine, other, unit, mine / other, limit)


def excess(
    group: str,
    name: str,
    ours: Sequence[float],
    peer: Sequence[float],
    unit: str,
    limit: float | None = None,
    *,
    strict: bool = False,
) -> Figure:
    """Return how much the median of ``ours`` lies above the median of ``peer``."""
    mine, other = median(ours), median(peer)
    return Figure(group, name, mine, other, unit, mine - other, limit, strict)


def table(figures: Iterable[Figure], notes: dict[str, str]) -> str:
    """Return the figures as text, each group under a note of what is compared with what."""
    figures = list(figures)
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = [_line(HEAD, widths)]
    for group, members in groupby(figures, key=lambda figure: figure.group):
        lines += ["", f"# {group}", *(f"#   {note}" for note in notes[group].splitlines())]
        lines += [_line(member.cells(), widths) for member in members]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return " | ".join((first, *rest))


def _number(value: float) -> str:
    if value and abs(value) < 10:
        return f"{value:,.2f}"
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"
