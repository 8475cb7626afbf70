"""What the Delta library says when something fails, in the words of the domain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.stores.connection.session import ConflictError
from airflow_ml_provider.stores.extras import needed


def installed() -> Any:
    """
    Return the library.

    :raises MissingExtraError: when it is not there.
    """
    with needed("deltalake", "lake", "A Delta store"):
        import deltalake
        import deltalake.transaction
    return deltalake


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn the library's errors into the domain's."""
    kinds = installed().exceptions
    try:
        yield
    except kinds.CommitFailedError as error:
        raise ConflictError(_said(place, error)) from error
    except kinds.SchemaMismatchError as error:
        raise SchemaMismatchError(_said(place, error)) from error
    except kinds.DeltaProtocolError as error:
        raise ConfigurationError(_said(place, error)) from error
    except (kinds.DeltaError, OSError) as error:
        raise UnavailableError(_said(place, error)) from error


def _said(place: str, error: Exception) -> str:
    """Return the library's tree of causes on one line, without its colours."""
    text = re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error))
    return f"The Delta table at {place}: {' '.join(text.split())}"
