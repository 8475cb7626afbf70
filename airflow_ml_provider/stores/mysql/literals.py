"""Values written into SQL: MySQL's plain protocol has no binds, so each becomes a typed literal."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from airflow_ml_provider.domain.errors import DataError


def literal(value: object) -> str:
    """
    Return a value as an expression with its type.

    The session's mode is NO_BACKSLASH_ESCAPES: in text the quote alone has a meaning.

    :raises DataError: for a number that MySQL does not have.
    """
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return "NULL" if value is None else text_literal(str(value))


def _number(value: float) -> str:
    if not math.isfinite(value):
        msg = f"{value} cannot be compared with anything in MySQL, which has no such number."
        raise DataError(msg)
    text = repr(value)
    return f"({text})" if "e" in text else f"({text}e0)"


def _moment(value: datetime) -> str:
    moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return f"TIMESTAMP'{moment.isoformat(' ', 'microseconds')}'"


# A bool is an int and a datetime a date: the first that fits counts.
_WRITERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "TRUE" if value else "FALSE"),
    (float, _number),
    (int, "({})".format),
    (Decimal, "({:f})".format),
    (timedelta, lambda value: f"({value // timedelta(microseconds=1)})"),
    (bytes, lambda value: f"x'{value.hex()}'"),
    (datetime, _moment),
    (date, "DATE'{}'".format),
    (time, lambda value: f"TIME'{value.isoformat('microseconds')}'"),
)


def text_literal(text: str) -> str:
    """Return text between quotes."""
    return "'" + text.replace("'", "''") + "'"
