"""Plain data: a value of the domain as JSON knows it, and the way back through its constructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: object) -> object:
    """
    Return ``value`` as text, numbers, lists and mappings.

    :raises TypeError: for a value that is none of the domain's.
    """
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return [value.days, value.seconds, value.microseconds]
        case list() | tuple():
            return [to_plain(item) for item in value]
        case Mapping():
            return {str(key): to_plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    msg = f"{value!r} cannot be written as plain data: it is no value of a pipeline."
    raise TypeError(msg)


def from_plain(kind: type[T], plain: Any) -> T:
    """Return the ``kind`` that :func:`to_plain` wrote; its own constructor checks it again."""
    made: T = _made(kind, plain)
    return made


def _made(kind: Any, plain: Any) -> Any:
    if get_origin(kind) in {Union, UnionType}:
        return _chosen(kind, plain)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), plain)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        # Every class of the domain is one; a checker knows dataclasses only by their instances.
        return kind(**{name: _made(hints[name], item) for name, item in plain.items()})  # type: ignore[operator]
    if kind is timedelta:
        return timedelta(*plain)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    return plain


def _chosen(union: Any, plain: Any) -> Any:
    if plain is None:
        return None
    kinds = [kind for kind in get_args(union) if kind is not NoneType]
    # Where there are several they are numbers and text, which JSON tells apart by itself.
    return _made(kinds[0], plain) if len(kinds) == 1 else plain


def _tuple(kinds: tuple[Any, ...], plain: Any) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is ...:  # noqa: PLR2004  "any number of the first"
        return tuple(_made(kinds[0], item) for item in plain)
    return tuple(_made(kind, item) for kind, item in zip(kinds, plain, strict=True))
