"""Extras: libraries that not every installation has, and what is said where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_ml_provider.domain.errors import MissingExtraError


@contextmanager
def needed(library: str, extra: str, purpose: str) -> Iterator[None]:
    """
    Import a library in the body.

    :raises MissingExtraError: when it is not there, with the extra that brings it.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(library=library, extra=extra, purpose=purpose) from error
