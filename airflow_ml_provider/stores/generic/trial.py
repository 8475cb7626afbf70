"""A trial: what an engine says that it can do is tried, before anything rests on it."""

from __future__ import annotations

import secrets

from airflow_ml_provider.domain.errors import ConfigurationError, DataError
from airflow_ml_provider.stores.connection.session import DuplicateKeyError
from airflow_ml_provider.stores.generic.profile import refused
from airflow_ml_provider.stores.generic.session import GenericSession

_INSERT = "INSERT INTO ml_ledger_version (version) VALUES ($1)"
_CHANGE = "UPDATE ml_ledger_version SET version = $1 WHERE version = $1"
_DELETE = "DELETE FROM ml_ledger_version WHERE version = $1"
_COUNT = "SELECT count(*) FROM ml_ledger_version WHERE version = $1"


def tried(session: GenericSession) -> None:
    """
    Try row counts, keys and transactions on the ledger, and leave it as it was.

    :raises ConfigurationError: naming what the connection does not do as its profile says: often
        it commits by itself, because an extra of the connection says so.
    """
    # Less than every version, so that a row which a dead process left behind means nothing.
    number = -1 - secrets.randbits(60)
    lacking = _lacking(session, number)
    session.rollback()
    if session.execute(_COUNT, (number,))[0][0]:
        session.change(_DELETE, (number,))
        if session.profile.capabilities.transactions:
            lacking.append("transactions")
    if lacking:
        raise ConfigurationError(refused(session.address, lacking))


def _lacking(session: GenericSession, number: int) -> list[str]:
    session.begin()
    lacking = []
    session.change(_INSERT, (number,))
    if session.change(_CHANGE, (number,)) != 1 or session.change(_CHANGE, (number - 1,)) != 0:
        lacking.append("row_counts")
    if session.profile.capabilities.unique_keys:
        try:
            session.change(_INSERT, (number,))
        except (DuplicateKeyError, DataError):
            return lacking
        lacking.append("unique_keys")
    return lacking
