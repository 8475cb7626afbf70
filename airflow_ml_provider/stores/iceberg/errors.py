"""What the Iceberg library says when something fails, in the words of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    UnavailableError,
)
from airflow_ml_provider.stores.connection.session import ConflictError
from airflow_ml_provider.stores.extras import needed
from airflow_ml_provider.stores.lake.folder import reached


def installed() -> Any:
    """
    Return the library.

    :raises MissingExtraError: when it is not there.
    """
    with needed("pyiceberg", "lake", "An Iceberg store"):
        import pyiceberg
        import pyiceberg.exceptions
    return pyiceberg


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn the errors of the library, and of the database of a catalog, into the domain's."""
    kinds = installed().exceptions
    from sqlalchemy.exc import SQLAlchemyError

    moved_on = (
        kinds.CommitFailedException,
        kinds.NoSuchTableError,
        kinds.TableAlreadyExistsError,
        kinds.ValidationException,
    )
    refused = (kinds.UnauthorizedError, kinds.ForbiddenError, kinds.OAuthError)
    try:
        with reached(place):
            yield
    except moved_on as error:
        raise ConflictError(_said(place, error)) from error
    except refused as error:
        raise ConfigurationError(_said(place, error)) from error
    except (kinds.RESTError, SQLAlchemyError) as error:
        raise UnavailableError(_said(place, error)) from error


def _said(place: str, error: Exception) -> str:
    """Return the error on one line; a statement of SQL and its values are left out."""
    text = str(getattr(error, "orig", None) or error)
    return f"The Iceberg table at {place}: {' '.join(text.split())}"
