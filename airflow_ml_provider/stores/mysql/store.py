"""A MySQL store: data, checks and ledger in one transaction on one connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Claim, Materialization, Recipe
from airflow_ml_provider.domain.ports import ArrowStream, Query
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.domain.training import FeatureSource
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.connection.session import OnStep, unobserved
from airflow_ml_provider.stores.connection.watch import Patience
from airflow_ml_provider.stores.ledger.sql import SqlLedger
from airflow_ml_provider.stores.mysql.location import MysqlLocation
from airflow_ml_provider.stores.mysql.session import MysqlSession
from airflow_ml_provider.stores.sql import joins
from airflow_ml_provider.stores.sql.store import SqlStore


class MysqlStore(SqlStore):
    """
    A store on one MySQL or MariaDB server, reached by a URI.

    The ledger lives in the database of the URI; a schema is another database of that server.
    ``lock_wait``: seconds to wait for a lock, whole ones and one at least. ``takeover_after``:
    seconds after which a past attempt that holds the same partition's line is ended, as a frozen
    one would hold it forever.
    """

    capabilities = Capabilities(ddl_in_transaction=False, nan=False, infinity=False)

    def __init__(
        self,
        uri: str,
        *,
        lock_wait: float = 60.0,
        takeover_after: float = 5.0,
        lease_seconds: float = 120.0,
        on_step: OnStep = unobserved,
    ) -> None:
        patience = Patience(lock_wait, takeover_after)
        self._mysql = MysqlSession(MysqlLocation.parse(uri), patience)
        ledger = SqlLedger(self._mysql, lease_seconds=lease_seconds)
        super().__init__(self._mysql, ledger, on_step)

    def replace(
        self,
        claim: Claim,
        owned: Slice,
        rows: ArrowStream | Query,
        *,
        window: Window | None,
        recipe: Recipe,
        expectations: Expectations,
        at: datetime,
        schema: SchemaPolicy = SchemaPolicy.FAIL,
    ) -> Materialization:
        """Make ``rows`` the whole content of the partition, if a transaction can; see the port."""
        self._mysql.require_transactions(claim.table)
        return super().replace(
            claim,
            owned,
            rows,
            window=window,
            recipe=recipe,
            expectations=expectations,
            at=at,
            schema=schema,
        )

    def _views(self, features: Sequence[FeatureSource]) -> list[joins.View]:
        views = super()._views(features)
        for source in features:
            self._mysql.index(source.table, (*source.entity, source.time))
        return views

    def drop_slice(self, table: TableName, owned: Slice) -> None:
        """Delete a slice of a staging table, if a transaction can; see the port."""
        self._mysql.require_transactions(table)
        super().drop_slice(table, owned)
