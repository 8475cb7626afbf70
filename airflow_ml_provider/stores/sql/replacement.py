"""A replacement: one partition exchanged whole, in one transaction, by the newest claim only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

from airflow_ml_provider.domain.check import Audit, audit
from airflow_ml_provider.domain.errors import (
    FencedError,
    MLProviderError,
    OutsideWindowError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change, Line, Materialization
from airflow_ml_provider.domain.ports import ArrowStream, Query
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.connection.session import (
    ConflictError,
    OnStep,
    Renamer,
    RowSums,
    Session,
)
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    bound,
    inside,
    quoted,
    wrapped,
)
from airflow_ml_provider.stores.ledger import lines as ledger_lines
from airflow_ml_provider.stores.sql.content import Content, measured
from airflow_ml_provider.stores.sql.order import Order, difference, fenced, former
from airflow_ml_provider.stores.sql.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE = 60.0
_SETTLE_PAUSES = (0.0, 0.2, 1.0, 4.0)


class Replacement:
    """One run of the write protocol. Until the commit, readers see the old partition, whole."""

    def __init__(
        self,
        session: Session,
        order: Order,
        on_step: OnStep,
        *,
        ddl_in_transaction: bool = True,
        renamer: Renamer | None = None,
    ) -> None:
        self._session = session
        self._ddl_in_transaction = ddl_in_transaction
        self._renamer = renamer
        self._target: Target
        self._order = order
        self._on_step = on_step
        self._table = order.claim.table
        self._source: Statement | pa.RecordBatchReader = Statement("")
        self._inflow: inflow.Inflow | None = None
        self._sums: RowSums | None = None

    def run(self, rows: ArrowStream | Query) -> Materialization:
        """Do it; see ``Store.replace``."""
        is_query = isinstance(rows, Query)
        self._source = bound(rows.sql, rows.values) if is_query else inflow.opened(rows)
        self._target = Target(
            self._session,
            self._order,
            self._source,
            ddl_in_transaction=self._ddl_in_transaction,
            renamer=self._renamer,
        )
        try:
            done = self._prepared()
        except BaseException as error:
            self._session.rollback()
            self._refuse_if_fenced(error)
            raise
        self._commit(done.line)
        self._on_step("committed")
        return done

    def _prepared(self) -> Materialization:
        """Do all but the commit."""
        line, created = self._entered()
        loaded = self._load()
        self._on_step("loaded")
        content, findings = self._audited(line, loaded)
        self._on_step("audited")
        if not (created or self._target.added) and self._same(line, content):
            return self._unchanged(content, findings)
        reason = difference(line, content, self._target.added, self._target.aside)
        return self._noted(line, content, findings, Change.WRITTEN, reason)

    def _entered(self) -> tuple[Line, bool]:
        """Begin, lock, and clear the slice; nothing of the rows is read, so it may be repeated."""
        deadline = time.monotonic() + _PATIENCE
        pause = 0.005
        while True:
            try:
                made = self._made_apart()
                line, created = self._locked(), self._cleared() or made
                return self._reread(line), created
            except ConflictError:
                self._session.rollback()
                if time.monotonic() > deadline:
                    raise
                time.sleep(pause)
                pause = min(pause * 2, 0.5)

    def _reread(self, line: Line) -> Line:
        """Return the line as it is now: of the rows that were set aside it tells no more."""
        if self._target.aside is None:
            return line
        return self._newest(ledger_lines.read(self._session, line.table, line.key))

    def _made_apart(self) -> bool:
        """Make the table before the transaction, where that would end one; it may stay empty."""
        if self._ddl_in_transaction:
            return False
        claim = self._order.claim
        self._newest(ledger_lines.read(self._session, claim.table, claim.key))
        try:
            return self._created(apart=True)
        finally:
            self._session.rollback()

    def _locked(self) -> Line:
        self._session.begin()
        self._on_step("begun")
        claim = self._order.claim
        with self._session.waiting(claim):
            line = ledger_lines.locked(self._session, claim.table, claim.key)
        line = self._newest(line)
        self._on_step("locked")
        return line

    def _newest(self, line: Line | None) -> Line:
        claim = self._order.claim
        if line is None or line.token != claim.token:
            raise FencedError(fenced(claim, line))
        return line

    def _created(self, *, apart: bool = False) -> bool:
        return self._target.made(apart=apart)

    def _cleared(self) -> bool:
        created = self._created()
        self._deleted()
        return created

    def _deleted(self) -> None:
        """Delete the slice; from here on the table keeps its columns until the transaction ends."""
        dialect, owned = self._session.dialect, self._order.owned
        where = inside(owned, dialect.edge)
        with self._session.waiting(self._order.claim):
            delete = dialect.deletion(self._table, owned.column, where)
            self._session.change(delete.text, delete.values)
        # Looked at again: somebody may have added a column while the delete waited for the table.
        if self._target.unfits():
            msg = f"A column of {self._table} went away while {self._order.claim.key} was written."
            raise ConflictError(msg)
        self._on_step("deleted")

    def _load(self) -> int:
        """Put the rows in and return how many came."""
        source = self._source
        if isinstance(source, Statement):
            rows, self._sums = self._session.insert(self._table, source)
            return rows
        accepted = self._session.accepts(self._table, source.schema)
        self._inflow = inflow.Inflow(source, accepted, self._order.owned)
        try:
            self._sums = self._session.load(self._table, self._inflow.reader())
        except Exception:
            if self._inflow.error is not None:
                raise self._inflow.error from None
            raise
        return self._inflow.rows

    def _audited(self, line: Line, loaded: int) -> tuple[Content, Audit]:
        order = self._order
        content = measured(
            self._session,
            self._table,
            order.owned,
            order.expectations,
            former=former(line),
            loaded=self._sums,
        )
        if content.rows != loaded:
            self._refuse_outside(loaded, content.rows)
        findings = audit(order.expectations, content.counts)
        findings.require(str(self._table), order.claim.key)
        return content, findings

    def _refuse_outside(self, loaded: int, inside_rows: int) -> NoReturn:
        owned, outside = self._order.owned, loaded - inside_rows
        examples = self._strays() if self._inflow is None else self._inflow.strays()
        raise OutsideWindowError(inflow.outside(self._table, owned, outside, loaded, examples))

    def _strays(self) -> list[object]:
        """Return values of the slice column with which rows of a SELECT fall outside."""
        source = self._source
        assert isinstance(source, Statement)  # noqa: S101  rows from Arrow are watched on their way
        self._session.rollback()
        dialect, column = self._session.dialect, quoted(self._order.owned.column)
        where = inside(self._order.owned, dialect.edge, after=len(source.values))
        rows = self._session.execute(
            f"SELECT min({dialect.text(column)}) FROM {wrapped(source)} "
            f"WHERE NOT ({where.text}) OR {column} IS NULL",
            (*source.values, *where.values),
        )
        return [row[0] for row in rows]

    def _same(self, line: Line, new: Content) -> bool:
        """Whether ledger and table both hold the new rows already (a stranger may have written)."""
        if (line.content_hash, line.schema_hash) != (new.hash, new.schema):
            return False
        old = measured(
            self._session, self._table, self._order.owned, former=former(line), beside=True
        )
        return line.committed and old.hash == new.hash

    def _unchanged(self, content: Content, findings: Audit) -> Materialization:
        """Leave the table untouched, and note in a transaction of its own that we looked."""
        self._session.rollback()
        line = self._locked()
        reason = f"the same {content.rows:,} rows as before"
        return self._noted(line, content, findings, Change.UNCHANGED, reason)

    def _noted(
        self, line: Line, content: Content, findings: Audit, change: Change, reason: str
    ) -> Materialization:
        new = self._order.line_after(line, content, change)
        if not ledger_lines.written(self._session, new):
            raise FencedError(fenced(self._order.claim, None))
        ledger_lines.remembered(self._session, new, change, reason)
        self._on_step("noted")
        return Materialization(new, change, reason, findings)

    def _commit(self, noted: Line) -> None:
        """Commit; where the answer is lost, the ledger knows what became of it."""
        try:
            self._exchanged(noted)
        except UnavailableError as error:
            self._session.rollback()
            line = self._settled(error)
            if line is None or not _same_commit(line, noted):
                self._refuse_if_fenced(error)
                raise

    def _exchanged(self, noted: Line) -> None:
        """Let readers see the new rows."""
        self._session.commit()

    def _settled(self, lost: UnavailableError) -> Line | None:
        """Return the line once the lost commit is over: its lock is waited for."""
        claim = self._order.claim
        for pause in _SETTLE_PAUSES:
            time.sleep(pause)
            try:
                self._session.begin()
                with self._session.waiting(claim):
                    line = ledger_lines.locked(self._session, claim.table, claim.key)
            except UnavailableError:
                continue
            finally:
                self._session.rollback()
            return line
        raise lost

    def _refuse_if_fenced(self, error: BaseException) -> None:
        """
        Turn a broken connection into the reason for it: a newer attempt may have ended ours.

        :raises FencedError: when the ledger says so.
        """
        if not isinstance(error, UnavailableError):
            return
        claim = self._order.claim
        try:
            line = ledger_lines.read(self._session, claim.table, claim.key)
        except MLProviderError:
            return
        if line is not None and line.token > claim.token:
            raise FencedError(fenced(claim, line)) from error


def _same_commit(one: Line, other: Line) -> bool:
    """Whether two lines tell of the same commit; a claim may write more than once."""
    facts = ("committed_token", "committed_at", "content_hash", "schema_hash", "recipe")
    return all(getattr(one, fact) == getattr(other, fact) for fact in facts)
