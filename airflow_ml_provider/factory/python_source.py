"""Python source: a value of the domain as the expression that makes it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any


@dataclass(slots=True)
class Names:
    """The names that a piece of source imports, by module."""

    modules: dict[str, set[str]] = field(default_factory=dict)

    def use(self, thing: type) -> str:
        """Return the name of a class, and note its import."""
        return self.take(thing.__module__, thing.__qualname__)

    def take(self, module: str, name: str) -> str:
        """Return ``name``, and note its import."""
        self.modules.setdefault(module, set()).add(name)
        return name

    def __str__(self) -> str:
        lines = [
            f"from {module} import {', '.join(sorted(names))}"
            for module, names in sorted(self.modules.items())
        ]
        return "\n".join(lines)


def source(value: Any, names: Names) -> str:
    """
    Return an expression for ``value``; arguments that are defaults are left out.

    :raises TypeError: for a value that is none of the domain's.
    """
    if isinstance(value, Enum):
        return f"{names.use(type(value))}.{value.name}"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, timedelta | datetime):
        return _time(value, names)
    if isinstance(value, list | tuple | Mapping):
        return _many(value, names)
    if is_dataclass(value):
        return _made(value, names)
    msg = f"{value!r} cannot be written as Python: it is no value of a pipeline."
    raise TypeError(msg)


def _time(value: timedelta | datetime, names: Names) -> str:
    if isinstance(value, timedelta):
        return f"{names.take('datetime', 'timedelta')}({_span(value)})"
    return f"{names.take('datetime', 'datetime')}.fromisoformat({value.isoformat()!r})"


def _many(value: list[Any] | tuple[Any, ...] | Mapping[Any, Any], names: Names) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{source(key, names)}: {source(item, names)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    items = ", ".join(source(item, names) for item in value)
    if isinstance(value, list):
        return f"[{items}]"
    return f"({items}{',' if len(value) == 1 else ''})"


def _made(value: Any, names: Names) -> str:
    given = [
        f"{each.name}={source(getattr(value, each.name), names)}"
        for each in fields(value)
        if getattr(value, each.name) != _default(each)
    ]
    return f"{names.use(type(value))}({', '.join(given)})"


def _default(each: Any) -> object:
    if each.default is not MISSING:
        return each.default
    return each.default_factory() if each.default_factory is not MISSING else MISSING


def _span(value: timedelta) -> str:
    parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    return ", ".join(f"{name}={number}" for name, number in parts.items() if number) or "0"
