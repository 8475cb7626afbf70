"""A finding: one thing that the doctor looked at, how it is, and how it is cured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad a finding is."""

    WELL = "well"
    NOTE = "note"
    ILL = "ill"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    state: State
    what: str
    said: str
    cure: str = ""

    def __str__(self) -> str:
        cure = f" {self.cure}" if self.cure else ""
        return f"{self.state:<6}{self.what:<22}{self.said}{cure}"
