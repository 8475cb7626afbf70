"""Versions: a partition exchanged by one update of its line, where there are no transactions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from airflow_ml_provider.domain.check import Audit, audit
from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    DataError,
    FencedError,
    MLProviderError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change, Line, Materialization
from airflow_ml_provider.domain.ports import ArrowStream, Query
from airflow_ml_provider.domain.schema import Difference, SchemaPolicy, added_columns, difference
from airflow_ml_provider.domain.table import KeySlice, TableName
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.connection.session import ConflictError, OnStep
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    inside,
    quoted,
    quoted_table,
    wrapped,
)
from airflow_ml_provider.stores.generic.naming import KEY, TOKEN, rows_table
from airflow_ml_provider.stores.generic.session import GenericSession
from airflow_ml_provider.stores.ledger import lines as ledger_lines, schema
from airflow_ml_provider.stores.sql.content import Content, measured
from airflow_ml_provider.stores.sql.order import Order, fenced
from airflow_ml_provider.stores.sql.replacement import Replacement

if TYPE_CHECKING:
    import pyarrow as pa

# A version is a claim's token, then bits by which writes of one claim differ.
_BITS = 31


class VersionedReplacement(Replacement):
    """
    One run of the write protocol, in which nothing needs a transaction.

    Rows are written beside those that readers see, under a version of their own. The commit is
    one update of the partition's line in the ledger, on which the view is joined; it succeeds for
    the newest claim alone. Rows of older claims that nobody sees are deleted by a later write,
    ``grace`` after the last exchange: until then somebody may still be reading them.
    """

    def __init__(
        self, session: GenericSession, order: Order, on_step: OnStep, grace: timedelta
    ) -> None:
        super().__init__(session, order, on_step)
        self._generic = session
        self._grace = grace
        self._version = first_version(order.claim.token) | secrets.randbits(_BITS)
        self._rows = order.claim.table
        self._written = False
        self._names: list[str] = []

    def run(self, rows: ArrowStream | Query) -> Materialization:
        """Do it; see ``Store.replace``."""
        done = super().run(rows)
        # The history follows its commit: one that dies in between is missing there.
        with suppress(UnavailableError):
            ledger_lines.remembered(self._session, done.line, done.change, done.reason)
        return done

    def _prepared(self) -> Materialization:
        try:
            return super()._prepared()
        except BaseException as error:
            # Not later: of a commit whose answer is lost, the rows may be those that readers see.
            self._discarded()
            self._refuse_if_overtaken(error)
            raise

    def _refuse_if_overtaken(self, error: BaseException) -> None:
        """
        Turn an error into the reason for it: a newer attempt may have collected our rows.

        :raises FencedError: when the ledger says so.
        """
        if not isinstance(error, DataError):
            return
        claim = self._order.claim
        line = ledger_lines.read(self._session, claim.table, claim.key)
        if line is not None and line.token > claim.token:
            raise FencedError(fenced(claim, line)) from error

    def _discarded(self) -> None:
        """Delete what was written under this version, as far as the store lets us."""
        with suppress(MLProviderError):
            if self._session.columns(self._rows) and self._rows != self._table:
                self._session.change(
                    f"DELETE FROM {quoted_table(self._rows)} WHERE {quoted(TOKEN)} = $1",
                    (self._version,),
                )

    def _locked(self) -> Line:
        """Return the line: without a lock, and looked at again by the commit."""
        self._on_step("begun")
        claim = self._order.claim
        schema.require_known(self._session)
        line = self._newest(ledger_lines.read(self._session, claim.table, claim.key))
        self._on_step("locked")
        return line

    def _created(self, *, apart: bool = False) -> bool:
        """Make the table of rows if there is none; the view comes with the first commit."""
        given = self._names = self._target.sliceable()
        seen = self._target.columns()
        self._require_fitting(seen or given, given)
        self._rows = rows_table(self._table, given)
        there = [column.name for column in self._session.columns(self._rows)]
        if not there and seen:
            raise ConfigurationError(_no_view(self._table, self._rows, self._generic))
        if not there:
            self._make()
        return not seen

    def _require_fitting(self, columns: list[str], given: list[str]) -> None:
        found = difference(columns, given)
        if found.only_more:
            raise SchemaMismatchError(_no_addition(self._table, found))
        added_columns(columns, given, self._order.schema, table=str(self._table))

    def _make(self) -> None:
        source = self._source
        if isinstance(source, Statement):
            self._generic.create_from(self._rows, self._marked(source), self._order.owned)
        else:
            self._generic.create_like(self._rows, _with_marks(source.schema), self._order.owned)
        # Where this one is missing, because its maker died, joins are slower and as right.
        with suppress(ConflictError):
            self._generic.index(self._rows, [KEY, TOKEN])

    def _deleted(self) -> None:
        """Collect the rows of older claims, once nobody can be reading them."""
        claim = self._order.claim
        line = ledger_lines.read(self._session, claim.table, claim.key)
        if line is not None and self._collectable(line):
            shown = ledger_lines.version(self._session, claim.table, claim.key)
            self._session.change(
                f"DELETE FROM {quoted_table(self._rows)} WHERE {quoted(KEY)} = $1 "
                f"AND {quoted(TOKEN)} < $2 AND {quoted(TOKEN)} <> $3",
                (claim.key, first_version(claim.token), shown or 0),
            )
        self._on_step("deleted")

    def _collectable(self, line: Line) -> bool:
        return line.changed_at is None or self._order.at - line.changed_at >= self._grace

    def _load(self) -> int:
        source = self._source
        if isinstance(source, Statement):
            return self._session.insert(self._rows, self._marked(source))[0]
        accepted = self._session.accepts(self._rows, source.schema)
        self._inflow = inflow.Inflow(source, accepted, self._order.owned)
        try:
            self._session.load(self._rows, self._stamped(self._inflow.reader()))
        except Exception:
            if self._inflow.error is not None:
                raise self._inflow.error from None
            raise
        return self._inflow.rows

    def _marked(self, source: Statement) -> Statement:
        """Return a SELECT whose rows tell which version they are of."""
        dialect, last = self._generic.dialect, len(source.values)
        key, token = dialect.key(f"${last + 1}"), dialect.whole(f"${last + 2}")
        text = (
            f"SELECT answer.*, {key} AS {quoted(KEY)}, {token} AS {quoted(TOKEN)} "
            f"FROM {wrapped(source)}"
        )
        return Statement(text, (*source.values, self._order.claim.key, self._version))

    def _stamped(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return a stream whose rows tell which version they are of."""
        import pyarrow as pa

        schema = _with_marks(rows.schema)
        key, version = self._order.claim.key, self._version

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                count = batch.num_rows
                marks = [pa.repeat(key, count), pa.repeat(pa.scalar(version, pa.int64()), count)]
                yield pa.RecordBatch.from_arrays([*batch.columns, *marks], schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _audited(self, line: Line, loaded: int) -> tuple[Content, Audit]:
        order = self._order
        new = KeySlice(TOKEN, cast("str", self._version))  # it is bound as it is
        content = measured(self._session, self._rows, new, order.expectations)
        where = inside(order.owned, self._session.dialect.edge, after=1)
        found = self._session.execute(
            f"SELECT count(*) FROM {quoted_table(self._rows)} "
            f"WHERE {quoted(TOKEN)} = $1 AND {where.text}",
            (self._version, *where.values),
        )
        if int(found[0][0]) != loaded:
            self._refuse_outside(loaded, int(found[0][0]))
        findings = audit(order.expectations, content.counts)
        findings.require(str(self._table), order.claim.key)
        return content, findings

    def _unchanged(self, content: Content, findings: Audit) -> Materialization:
        self._discarded()
        return super()._unchanged(content, findings)

    def _noted(
        self, line: Line, content: Content, findings: Audit, change: Change, reason: str
    ) -> Materialization:
        """Decide what the commit writes."""
        self._on_step("noted")
        self._written = change is Change.WRITTEN
        new = self._order.line_after(line, content, change)
        return Materialization(new, change, reason, findings)

    def _exchanged(self, noted: Line) -> None:
        """Update the line, if the claim is still the newest: readers see the new rows with it."""
        version = self._version if self._written else None
        if self._written:
            shown(self._generic, self._table, self._names)
        if not ledger_lines.written(self._session, noted, version=version):
            self._discarded()
            claim = self._order.claim
            line = ledger_lines.read(self._session, claim.table, claim.key)
            raise FencedError(fenced(claim, line))


def first_version(token: int) -> int:
    """Return the least version that a claim can write; those of earlier claims are below it."""
    return token << _BITS


def shown(session: GenericSession, table: TableName, columns: Sequence[str]) -> None:
    """
    Make the view of a table's committed rows, unless it is there.

    :raises SchemaMismatchError: when another first write has made it with other columns.
    """
    there = [column.name for column in session.columns(table)]
    if not there:
        with suppress(ConflictError):
            session.execute(_view(table, columns))
        there = [column.name for column in session.columns(table)]
    added_columns(there, columns, SchemaPolicy.FAIL, table=str(table))


def _view(table: TableName, columns: Sequence[str]) -> str:
    rows = quoted_table(rows_table(table, columns))
    listed = column_list(columns, "kept.")
    return (
        f"CREATE VIEW {quoted_table(table)} AS SELECT {listed} FROM {rows} AS kept "
        f"INNER JOIN ml_partition AS line ON line.partition_key = kept.{quoted(KEY)} "
        f"AND line.version = kept.{quoted(TOKEN)} "
        f"WHERE line.table_schema = {_literal(table.schema or '')} "
        f"AND line.table_name = {_literal(table.name)}"
    )


def _literal(name: str) -> str:
    """
    Return a name as text: a view takes no binds.

    :raises SchemaMismatchError: for a backslash, which some engines take for an escape.
    """
    if "\\" in name:
        msg = f"{name!r} has a backslash, so a view cannot ask for it on every engine. Rename it."
        raise SchemaMismatchError(msg)
    return "'" + name.replace("'", "''") + "'"


def _with_marks(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return schema.append(pa.field(KEY, pa.string())).append(pa.field(TOKEN, pa.int64()))


def _no_view(table: TableName, rows: TableName, session: GenericSession) -> str:
    return (
        f"{table} is no view over {rows}, in which its versions would lie, and {session.address} "
        "has no transactions in which rows could be exchanged. Nothing was written. Rename that "
        "table, or name another one for the result."
    )


def _no_addition(table: TableName, found: Difference) -> str:
    return (
        f"The rows do not fit table {table}: {found}. Nothing was written. Give the changed result "
        "a table of its own: 'schema: add_columns' is not offered on an engine without "
        "transactions."
    )
