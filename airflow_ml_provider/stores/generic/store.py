"""A generic store: tables and ledger behind any DB-API connection, as far as its engine goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Claim, Materialization, Owner, Recipe
from airflow_ml_provider.domain.ports import ArrowStream, Query
from airflow_ml_provider.domain.retention import Garbage, Retention
from airflow_ml_provider.domain.schema import SchemaPolicy, require_no_version
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.connection.session import OnStep, in_transaction, unobserved
from airflow_ml_provider.stores.connection.statement import inside, quoted, quoted_table
from airflow_ml_provider.stores.generic.ledger import GenericLedger, VersionedLedger
from airflow_ml_provider.stores.generic.link import Connect
from airflow_ml_provider.stores.generic.naming import KEY, TOKEN, rows_table
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.generic.session import GenericSession
from airflow_ml_provider.stores.generic.types import meant
from airflow_ml_provider.stores.generic.versions import VersionedReplacement, first_version
from airflow_ml_provider.stores.ledger import garbage as ledger_garbage, lines as ledger_lines
from airflow_ml_provider.stores.sql.order import Order
from airflow_ml_provider.stores.sql.store import SqlStore

_GRACE = timedelta(hours=1)


class GenericStore(SqlStore):
    """A store on an engine with transactions; ``tested``: its like has run our tests."""

    def __init__(
        self, session: GenericSession, ledger: GenericLedger, on_step: OnStep = unobserved
    ) -> None:
        super().__init__(session, ledger, on_step)
        self._generic = session
        self.capabilities = session.profile.capabilities
        self.tested = session.profile.tested

    def scan(
        self,
        table: TableName,
        owned: Slice | None = None,
        *,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
    ) -> ArrowStream:
        """Stream a slice of a table in the types of its columns; see the port."""
        statement = self._scanning(table, owned, columns, order_by)
        kinds = {column.name: meant(column.type) for column in self.columns(table)}
        return self._generic.typed(statement, kinds)


class VersionedStore(GenericStore):
    """
    A store on an engine without transactions.

    A table is a view there, over a table of rows of every version; see ``VersionedReplacement``.
    """

    def __init__(
        self,
        session: GenericSession,
        ledger: GenericLedger,
        on_step: OnStep = unobserved,
        grace: timedelta = _GRACE,
    ) -> None:
        super().__init__(session, ledger, on_step)
        self._grace = grace

    def claim(self, table: TableName, key: str, owner: Owner, *, at: datetime) -> Claim:
        """Take the right to write a partition: one update, the newest claim wins."""
        session = self._ledger.session

        def count_up() -> int:
            return ledger_lines.claimed_alone(session, table, key, owner, at)

        # Not that there is one: it is the loop that counts, when a line comes at the same moment.
        claim = Claim(table, key, in_transaction(session, count_up), owner)
        self._on_step("claimed")
        return claim

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
        """Make ``rows`` the whole content of the partition, or change nothing; see the port."""
        require_no_version(schema, self.address)
        _ = self._ledger.session
        order = Order(claim, owned, window, recipe, expectations, at, schema)
        return VersionedReplacement(self._generic, order, self._on_step, self._grace).run(rows)

    def drop_slice(self, table: TableName, owned: Slice) -> None:
        """Delete a slice of a staging table, in every version of it."""
        rows = self._rows_of(table)
        if rows is not None:
            where = inside(owned, self._session.dialect.edge)
            self._session.change(
                f"DELETE FROM {quoted_table(rows)} WHERE {where.text}", where.values
            )

    def forget(self, table: TableName) -> None:
        """Drop a scratch table, its versions, its lines and history."""
        session, rows = self._ledger.session, self._rows_of(table)
        ledger_lines.forgotten(session, table)
        if rows is not None:
            session.execute(f"DROP VIEW {quoted_table(table)}")
            session.execute(f"DROP TABLE {quoted_table(rows)}")

    def collect(
        self, retention: Retention, now: datetime, *, dry_run: bool = False
    ) -> Sequence[Garbage]:
        """Delete what nobody needs any more, old versions too, or only count it; see the port."""
        found = super().collect(retention, now, dry_run=dry_run)
        lines = ledger_garbage.silent(self._ledger.session, retention.alive_since(now))
        old = sum(self._outlived(line, dry_run=dry_run) for line in lines)
        return [*found, Garbage("rows of old versions", old)]

    def _outlived(self, line: ledger_garbage.Silent, *, dry_run: bool) -> int:
        """Delete, or count, the rows of a partition that no reader sees, whoever wrote them."""
        rows = self._rows_of(line.table)
        if rows is None:
            return 0
        where = (
            f"{quoted_table(rows)} WHERE {quoted(KEY)} = $1 AND {quoted(TOKEN)} < $2 "
            f"AND {quoted(TOKEN)} <> $3"
        )
        values = (line.key, first_version(line.token + 1), line.version or 0)
        count = int(self._session.execute(f"SELECT count(*) FROM {where}", values)[0][0])
        if count and not dry_run:
            if not line.settled:
                # Whoever wakes up after so long is fenced, and does not show rows that are gone.
                ledger_lines.raised(self._session, line.table, line.key, line.token + 1)
            self._session.change(f"DELETE FROM {where}", values)
        return count

    def _clear(self, table: TableName, key: str, alive: datetime) -> None:
        """Delete a chunk and its line, but for what comes when it is claimed again meanwhile."""
        rows, session = self._rows_of(table), self._session
        here = f"FROM {quoted_table(rows)} WHERE {quoted(KEY)} = $1" if rows else ""
        text = f"SELECT DISTINCT {quoted(TOKEN)} {here}"
        tokens = session.execute(text, (key,)) if rows else []
        if not ledger_garbage.dropped(session, table, key, alive):
            return
        for (token,) in tokens:
            session.change(f"DELETE {here} AND {quoted(TOKEN)} = $2", (key, token))

    def _rows_of(self, table: TableName) -> TableName | None:
        names = [column.name for column in self.columns(table)]
        return rows_table(table, names) if names else None


def open_generic(
    connect: Connect,
    profile: Profile,
    address: str,
    *,
    lease_seconds: float = 120.0,
    on_step: OnStep = unobserved,
) -> GenericStore:
    """
    Return a store over the connections that ``connect`` opens; nothing is connected yet.

    :raises ConfigurationError: naming what the engine lacks to be a store.
    """
    profile.require_enough()
    session = GenericSession(connect, profile, address)
    if profile.capabilities.transactions:
        ledger = GenericLedger(session, lease_seconds=lease_seconds)
        return GenericStore(session, ledger, on_step)
    alone = VersionedLedger(session, lease_seconds=lease_seconds)
    return VersionedStore(session, alone, on_step)
