"""A fingerprint: one short hash for code, configuration and inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum

_LENGTH = 16


def fingerprint(value: object) -> str:
    """
    Return a 16-digit hexadecimal hash of plain data, blind to the order of mapping keys.

    :raises TypeError: for values that are not plain data (their text might change every run).
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return sorted(value)
        case Sequence():
            return list(value)
    msg = f"{type(value).__name__} is not plain data and has no stable fingerprint: {value!r}"
    raise TypeError(msg)
