"""A fault: one thing that is wrong in what the user wrote, with its place and its cure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError

_MAX_EXCERPT = 120


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """
    One mistake. ``line`` and ``column`` count from 1; ``excerpt`` is the line as it was written.

    ``length`` is how many characters of it the mistake covers. A ``warning`` stops nothing.
    """

    path: Path
    line: int
    column: int
    message: str
    hint: str = ""
    excerpt: str = ""
    length: int = 1
    warning: bool = False

    @property
    def place(self) -> str:
        """Where it is, in the form that editors and terminals turn into a link."""
        return f"{self.path}:{self.line}:{self.column}"

    def __str__(self) -> str:
        lines = [f"{self.place}: {'warning: ' if self.warning else ''}{self.message}"]
        if self.excerpt.strip():
            gutter = f"{self.line:>5} | "
            marks = "^" * max(1, min(self.length, len(self.excerpt) - self.column + 1))
            lines.append(gutter + self.excerpt[:_MAX_EXCERPT])
            if self.column <= _MAX_EXCERPT:
                lines.append(" " * 5 + " | " + " " * (self.column - 1) + marks[:_MAX_EXCERPT])
        if self.hint:
            lines.append(f"        {self.hint}")
        return "\n".join(lines)


class SpecError(ConfigurationError):
    """What the user wrote cannot be used; ``faults`` holds everything that is wrong, in order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__(self.faults)

    def __str__(self) -> str:
        count = len(self.faults)
        paths = ", ".join(dict.fromkeys(str(fault.path) for fault in self.faults))
        closing = (
            f"{count} {'fault' if count == 1 else 'faults'} in {paths}. No Dag was made of it."
        )
        return "\n".join([*map(str, self.faults), closing])


def dotted(loc: Sequence[str | int]) -> str:
    """Return where something stands, as ``features.spend.from[0]``, on one line."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[1:]
    )


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Return the likeliest name that was meant and every name that is accepted, as a hint."""
    options = [str(option) for option in accepted]
    close = get_close_matches(given, options, n=1, cutoff=0.6)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return (
        f"{guess}Accepted: {', '.join(options)}." if options else "There is none to choose from."
    )
