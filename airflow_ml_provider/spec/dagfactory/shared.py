"""Shared: what dag-factory's default_args say, as the keys that all pipelines of a system share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from airflow_ml_provider.spec.dagfactory.reasons import of_key

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?")
_NAMES = {
    "owner": "owner",
    "start_date": "start",
    "end_date": "end",
    "timezone": "timezone",
    "retries": "retries",
    "retry_delay": "retry_delay",
    "retry_delay_sec": "retry_delay",
    "store": "store",
}
_ORDER = ("owner", "start", "end", "timezone", "store", "retries", "retry_delay")
_UNITS = {"days": "d", "hours": "h", "minutes": "m", "seconds": "s"}


class Shared:
    """The keys of a system, taken from the first Dag that says them."""

    def __init__(self) -> None:
        self._taken: dict[str, Any] = {}

    @property
    def values(self) -> dict[str, Any]:
        """What was taken, in the order of the language."""
        return {key: self._taken[key] for key in _ORDER if key in self._taken}

    def take(self, key: str, value: object) -> str | None:
        """Take the value of one of dag-factory's keys, or return why that cannot be."""
        name = _NAMES.get(key)
        if name is None:
            return of_key(key)
        ours = _read(name, value)
        if ours is None:
            return f"it is not in a form that '{name}' has"
        first = self._taken.setdefault(name, ours)
        if first != ours:
            return f"a system has one '{name}', and that is {first} already"
        return None


def _read(name: str, value: object) -> object:
    if name in {"start", "end"}:
        return _date(value)
    if name == "retry_delay":
        return _span(value)
    if name == "retries":
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    return value if isinstance(value, str) and "{{" not in value and "$" not in value else None


def _date(value: object) -> str | None:
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        return value.strip().replace(" ", "T")
    parts = [value.get(key) for key in ("year", "month", "day")] if _is_typed(value) else []
    numbers = [part for part in parts if isinstance(part, int)]
    if len(numbers) == 3:  # noqa: PLR2004  year, month, day
        return "{:04}-{:02}-{:02}".format(*numbers)
    return None


def _span(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}s"
    if _is_typed(value):
        said = {key: n for key, n in value.items() if key in _UNITS and isinstance(n, int)}
        if len(said) == 1 and len(value) == len(said) + 1:
            ((unit, number),) = said.items()
            return f"{number}{_UNITS[unit]}"
    return None


def _is_typed(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping) and "__type__" in value
