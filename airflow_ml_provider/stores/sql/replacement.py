"""A replacement: one partition exchanged whole, in one transaction, by the newest claim only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn
from uuid import uuid4

from airflow_ml_provider.domain.check import Audit, Expectations, audit
from airflow_ml_provider.domain.errors import (
    FencedError,
    MLProviderError,
    OutsideWindowError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change, Claim, Line, Materialization, Recipe
from airflow_ml_provider.domain.ports import ArrowStream, Query
from airflow_ml_provider.domain.schema import SchemaPolicy, added_columns, aside
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.arrow.outgrown import outgrown
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
    quoted_table,
    wrapped,
)
from airflow_ml_provider.stores.ledger import lines as ledger_lines
from airflow_ml_provider.stores.sql.content import Content, measured

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE = 60.0
_SETTLE_PAUSES = (0.0, 0.2, 1.0, 4.0)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of ``Store.replace``, as one value, but for the rows."""

    claim: Claim
    owned: Slice
    window: Window | None
    recipe: Recipe
    expectations: Expectations
    at: datetime
    schema: SchemaPolicy = SchemaPolicy.FAIL

    def line_after(self, line: Line, content: Content, change: Change) -> Line:
        """Return the ledger's line as the commit leaves it."""
        token, changed = self.claim.token, change is Change.WRITTEN
        return replace(
            line,
            committed_token=token,
            committed_at=self.at,
            changed_token=token if changed else line.changed_token,
            changed_at=self.at if changed else line.changed_at,
            start=self.window.start if self.window else None,
            end=self.window.end if self.window else None,
            rows=content.rows,
            content_hash=content.hash,
            schema_hash=content.schema,
            recipe=self.recipe,
        )


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
        self._order = order
        self._on_step = on_step
        self._table = order.claim.table
        self._name = quoted_table(order.claim.table)
        self._source: Statement | pa.RecordBatchReader = Statement("")
        self._inflow: inflow.Inflow | None = None
        self._names: list[str] = []
        self._added: tuple[str, ...] = ()
        self._aside: tuple[TableName, str] | None = None
        self._sums: RowSums | None = None

    def run(self, rows: ArrowStream | Query) -> Materialization:
        """Do it; see ``Store.replace``."""
        is_query = isinstance(rows, Query)
        self._source = bound(rows.sql, rows.values) if is_query else inflow.opened(rows)
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
        if not (created or self._added) and self._same(line, content):
            return self._unchanged(content, findings)
        reason = difference(line, content, self._added, self._aside)
        return self._noted(line, content, findings, Change.WRITTEN, reason)

    def _entered(self) -> tuple[Line, bool]:
        """Begin, lock, and clear the slice; nothing of the rows is read, so it may be repeated."""
        deadline = time.monotonic() + _PATIENCE
        pause = 0.005
        while True:
            try:
                self._aside = None
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
        if self._aside is None:
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
        """Make the table if there is none, else add columns to it or refuse rows that do not fit."""
        given = self._sliceable()
        columns = self._columns()
        if not columns or self._outgrown() or self._lacking(columns, given):
            with self._session.waiting(self._order.claim):
                self._session.exclusive(f"create {self._name}")
            columns = self._columns()
            if columns and (change := self._outgrown()):
                self._set_aside(change)
                columns = []
        self._names = given
        added = self._lacking(columns or given, given)
        if added or self._ddl_in_transaction:  # what was added apart is not lacking any more
            self._added = added
        if columns and not added:
            return False
        if not (apart or self._ddl_in_transaction):
            msg = f"Table {self._table} went away, or a column of it, when it was to be written."
            raise ConflictError(msg)
        if columns:
            self._widen()
        else:
            self._create(self._table)
        return not columns

    def _cleared(self) -> bool:
        created = self._created()
        self._deleted()
        return created

    def _outgrown(self) -> str:
        """Return how the rows differ from the table, where they may make a new version of it."""
        if self._renamer is None or self._order.schema is not SchemaPolicy.NEW_VERSION:
            return ""
        if not ledger_lines.commits(self._session.execute, self._table)[0]:
            return ""  # somebody else's table keeps its name
        return self._change_from(self._renamer, self._table)

    def _change_from(self, renamer: Renamer, version: TableName) -> str:
        source = self._source
        given = renamer.arrow_of(source) if isinstance(source, Statement) else source.schema
        return outgrown(given, renamer.arrow_of(version))

    def _set_aside(self, change: str) -> None:
        """Give the table and its lines the name of an earlier version."""
        renamer = self._renamer
        assert renamer is not None  # noqa: S101  it was asked for the change

        def takes(version: TableName) -> bool | None:
            there = bool(self._session.columns(version))
            return not self._change_from(renamer, version) if there else None

        name = aside(self._table, takes)
        known = ledger_lines.commits(self._session.execute, self._table)
        with self._session.waiting(self._order.claim):
            ledger_lines.held(self._session, self._table)
            renamer.rename(self._table, name)
        # From here on nobody commits to the table. Who did so after this transaction began to see
        # (his line may be new, and not held) has rows in it of which its lines must tell.
        if ledger_lines.commits(self._session.beside, self._table) != known:
            msg = f"{self._table} was written to when it was to be set aside."
            raise ConflictError(msg)
        ledger_lines.set_aside(self._session, self._table, name)
        self._aside = name, change

    def _lacking(self, columns: list[str], given: list[str]) -> tuple[str, ...]:
        return added_columns(columns, given, self._order.schema, table=str(self._table))

    def _create(self, table: TableName) -> None:
        if isinstance(self._source, Statement):
            self._session.create_from(table, self._source, self._order.owned)
        else:
            self._session.create_like(table, self._source.schema, self._order.owned)

    def _widen(self) -> None:
        """Add columns; the engine is asked for their types with an empty table of the rows."""
        shape = TableName(self._table.schema, f"ml_shape_{uuid4().hex}")
        self._create(shape)
        kinds = {column.name: column for column in self._session.columns(shape)}
        self._session.execute(f"DROP TABLE {quoted_table(shape)}")
        for name in self._added:
            with self._session.waiting(self._order.claim):
                self._session.execute(self._session.dialect.addition(self._table, kinds[name]))

    def _sliceable(self) -> list[str]:
        """Return the columns of the rows, one of which says to which partition they belong."""
        given = self._given()
        if self._order.owned.column not in given:
            msg = (
                f"The rows for {self._table} have no column {self._order.owned.column!r}, which "
                f"says which partition a row belongs to; they have {given}."
            )
            raise SchemaMismatchError(msg)
        return given

    def _deleted(self) -> None:
        """Delete the slice; from here on the table keeps its columns until the transaction ends."""
        dialect, owned = self._session.dialect, self._order.owned
        where = inside(owned, dialect.edge)
        with self._session.waiting(self._order.claim):
            delete = dialect.deletion(self._table, owned.column, where)
            self._session.change(delete.text, delete.values)
        # Looked at again: somebody may have added a column while the delete waited for the table.
        if self._outgrown() or self._lacking(self._columns(), self._names):
            msg = f"A column of {self._table} went away while {self._order.claim.key} was written."
            raise ConflictError(msg)
        self._on_step("deleted")

    def _columns(self) -> list[str]:
        return [column.name for column in self._session.columns(self._table)]

    def _given(self) -> list[str]:
        if isinstance(self._source, Statement):
            return self._session.names_of(self._source)
        return list(self._source.schema.names)

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


def fenced(claim: Claim, line: Line | None) -> str:
    """Return the sentence that stops an attempt after a newer claim."""
    newer = f" by {line.owner} (token {line.token})" if line else ""
    return (
        f"{claim.table} {claim.key} was claimed{newer} after this attempt, {claim.owner} (token "
        f"{claim.token}). This attempt has changed nothing and must stop; the newer one goes on."
    )


def former(line: Line | None) -> tuple[str, ...]:
    """Return the hash of the columns under which a partition was written, if it was."""
    return () if line is None or line.schema_hash is None else (line.schema_hash,)


def difference(
    line: Line,
    content: Content,
    added: Sequence[str] = (),
    aside: tuple[TableName, str] | None = None,
) -> str:
    """Return the sentence that tells what a write has changed."""
    if aside:
        name, change = aside
        return f"{content.rows:,} rows of a new version, the one of before is {name}: {change}"
    if added:
        return f"{content.rows:,} rows, and the table has gained {', '.join(map(repr, added))}"
    if not line.committed:
        return f"the first {content.rows:,} rows"
    if line.content_hash == content.hash:
        return f"the table did not hold the {content.rows:,} rows of the ledger any more"
    return f"{content.rows:,} rows with other content, {line.rows or 0:,} before"
