"""A generic ledger: the tables of the SQL ledger, on an engine that has stood its trial."""

from __future__ import annotations

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.stores.generic.session import GenericSession
from airflow_ml_provider.stores.generic.trial import tried
from airflow_ml_provider.stores.ledger import models as ledger_models
from airflow_ml_provider.stores.ledger.sql import SqlLedger


class GenericLedger(SqlLedger):
    """The ledger of a generic store; the engine is tried when it is first used."""

    def __init__(self, session: GenericSession, *, lease_seconds: float) -> None:
        super().__init__(session, lease_seconds=lease_seconds)
        self._generic = session
        self._tried = False

    @property
    def session(self) -> GenericSession:
        """The session, with the ledger's tables in place on an engine that keeps its word."""
        _ = super().session
        if not self._tried:
            tried(self._generic)
            self._tried = True
        return self._generic


class VersionedLedger(GenericLedger):
    """The ledger where each statement stands for itself."""

    def move_alias(self, model: str, alias: str, reign: Reign, expected_epoch: int) -> bool:
        """Set ``alias`` by adding a reign of the next epoch, of which there can be one."""
        return ledger_models.crowned(self.session, model, alias, reign, expected_epoch)
