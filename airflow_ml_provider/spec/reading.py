"""Reading: each small value of the language, from text, or a refusal that says what is accepted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import LiteralString, NoReturn
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError

from airflow_ml_provider.spec.document import shown

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(\d{1,10}) ?([smhdw])")
_PERCENT = re.compile(r"\d{1,4}(\.\d{1,6})?%")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?")
_LONGEST = timedelta(days=36_600)
_DURATION_HINT = "Write a number and one of s, m, h, d, w: 30s, 15m, 6h, 7d, 2w."

# The type of our own errors among pydantic's.
REFUSED: LiteralString = "refused"


def refuse(message: str, hint: str = "") -> NoReturn:
    """
    Refuse a value: what is wrong with it, and what to write instead.

    :raises PydanticCustomError: always.
    """
    # Who makes the models in Python sees this text; a file's faults are told by its parts.
    text: LiteralString = "{message}. {hint}" if hint else "{message}"
    raise PydanticCustomError(REFUSED, text, {"message": message, "hint": hint})


def read_duration(value: object) -> timedelta:
    """Read ``30s``, ``15m``, ``6h``, ``7d`` or ``2w``."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        refuse(f"must be a duration, got {shown(value)}", _DURATION_HINT)
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST.total_seconds():
        refuse(f"must be at most a hundred years, got {shown(value)}", _DURATION_HINT)
    return timedelta(seconds=seconds)


def write_duration(span: timedelta) -> str:
    """Return the shortest text that :func:`read_duration` reads as ``span``."""
    seconds = int(span.total_seconds())
    for unit, size in _SECONDS.items():
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0s"


def read_span(value: object) -> timedelta:
    """Read a duration that is longer than nothing."""
    span = read_duration(value)
    if not span:
        refuse("must be longer than nothing", _DURATION_HINT)
    return span


def read_moment(value: object) -> date | datetime:
    """Read ``2013-01-31`` or ``2013-01-31T06:00``, with or without an offset."""
    if isinstance(value, date):
        return value
    hint = "Write it like 2013-01-31, or 2013-01-31T06:00 (in the system's time zone)."
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        refuse(f"must be a date or a time, got {shown(value)}", hint)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        refuse(f"names no real date: {shown(value)} ({error})", hint)
    if not 1900 <= moment.year <= 2200:  # noqa: PLR2004
        refuse(f"must lie between 1900 and 2200, got {shown(value)}", hint)
    return moment.date() if len(value) == len("2013-01-31") else moment


def read_zone(value: object) -> str:
    """Read an IANA time zone name."""
    hint = "Write an IANA name such as 'Europe/Berlin', 'America/New_York' or 'UTC'."
    if not isinstance(value, str):
        refuse(f"must be a time zone, got {shown(value)}", hint)
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        refuse(f"unknown time zone {shown(value)}", _zone_hint(value, hint))
    return value


def _zone_hint(value: str, hint: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    close = get_close_matches(value, sorted(available_timezones()), n=1)
    return f"Did you mean {close[0]!r}? {hint}" if close else hint


def read_percent(value: object) -> str:
    """Read ``20%``; kept as it was written."""
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return value
    refuse(f"must be a percentage, got {shown(value)}", "Write it like 20% or 0.5%.")


def fraction(percent: str) -> float:
    """Return ``20%`` as 0.2."""
    return float(percent[:-1]) / 100


def read_new_rows(value: object) -> str | int:
    """Read ``20%`` (of the rows trained on) or a whole number of rows."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and _PERCENT.fullmatch(value) and fraction(value) > 0:
        return value
    hint = "Write a share of the rows trained on, such as 20%, or a number of rows, such as 5000."
    refuse(f"must be a percentage or a number of rows, above 0, got {shown(value)}", hint)


def matching(pattern: str, what: str, hint: str, *, longest: int = 255) -> Callable[[object], str]:
    """Return a reader of text that matches ``pattern`` whole; ``what`` and ``hint`` describe it."""
    shape = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str) or not shape.fullmatch(value):
            refuse(f"must be {what}, got {shown(value)}", hint)
        if len(value) > longest:
            refuse(f"must have at most {longest} characters, got {len(value)}")
        return value

    return read


def plain(value: object) -> object:
    """Read values that JSON knows, all the way down."""
    match value:
        case float() if not math.isfinite(value):
            refuse(f"must be a finite number, got {value}")
        case None | str() | bool() | int() | float():
            return value
        case list() | tuple():
            return [plain(item) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {key: plain(item) for key, item in value.items()}
    refuse(
        f"must hold plain values, got {type(value).__name__}",
        "Use text, numbers, true, false, lists and mappings.",
    )
