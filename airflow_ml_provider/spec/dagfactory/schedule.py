"""A schedule: which partitions a cron expression stands for, and how long after their end it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_NUMBER = re.compile(r"\d+")
_DAYS = {"0": 6, "7": 6, **{str(day): day - 1 for day in range(1, 7)}}  # after Monday
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Cadence:
    """How much time a partition covers, and the minutes that a run waited after its end."""

    every: str
    minutes: int = 0

    @property
    def lateness(self) -> str | None:
        """The wait as a duration of the language; None when there was none."""
        if not self.minutes:
            return None
        return f"{self.minutes}m" if self.minutes % 60 else f"{self.minutes // 60}h"


def cadence(schedule: object) -> Cadence | None:
    """Return what ``schedule`` stands for; None when no partition of ours fits it."""
    if not isinstance(schedule, str):
        return None
    fields = _PRESETS.get(schedule.strip(), schedule).split()
    if len(fields) != 5 or not _NUMBER.fullmatch(fields[0]):  # noqa: PLR2004  the fields of cron
        return None
    minute, rest = int(fields[0]), fields[1:]
    if rest == ["*", "*", "*", "*"]:
        return Cadence("hour", minute)
    if not _NUMBER.fullmatch(rest[0]):
        return None
    return _of_days(int(rest[0]) * 60 + minute, rest[1:])


def _of_days(minutes: int, fields: list[str]) -> Cadence | None:
    match fields:
        case ["*", "*", "*"]:
            return Cadence("day", minutes)
        case [day, "*", "*"] if _NUMBER.fullmatch(day):
            return Cadence("month", minutes + (int(day) - 1) * _DAY)
        case ["*", "*", day] if day in _DAYS:
            return Cadence("week", minutes + _DAYS[day] * _DAY)
    return None
