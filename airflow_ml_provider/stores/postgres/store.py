"""A PostgreSQL store: data, checks and ledger in one transaction on one ADBC connection."""

from __future__ import annotations

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.stores.connection.session import OnStep, unobserved
from airflow_ml_provider.stores.connection.watch import Patience
from airflow_ml_provider.stores.ledger.sql import SqlLedger
from airflow_ml_provider.stores.postgres.session import PostgresSession
from airflow_ml_provider.stores.sql.store import SqlStore


class PostgresStore(SqlStore):
    """
    A store in one PostgreSQL database, reached by a libpq URI.

    ``lock_wait``: seconds to wait for a lock. ``takeover_after``: seconds after which a past
    attempt that holds the same partition's line is ended, as a frozen one would hold it forever.
    """

    capabilities = Capabilities(new_versions=True)

    def __init__(
        self,
        uri: str,
        *,
        lock_wait: float = 60.0,
        takeover_after: float = 5.0,
        lease_seconds: float = 120.0,
        on_step: OnStep = unobserved,
    ) -> None:
        session = PostgresSession(uri, Patience(lock_wait, takeover_after))
        super().__init__(session, SqlLedger(session, lease_seconds=lease_seconds), on_step)
        self._renamer = session
