"""The ledger of a lake: SQL counts the claims and keeps the index, the tables tell the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from airflow_ml_provider.domain.errors import FencedError
from airflow_ml_provider.domain.ledger import Change, Claim, Line, Owner
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import Session, in_transaction
from airflow_ml_provider.stores.lake.notes import Note
from airflow_ml_provider.stores.lake.tables import LakeFormat, LakeTable
from airflow_ml_provider.stores.ledger import lines as ledger_lines
from airflow_ml_provider.stores.ledger.sql import SqlLedger
from airflow_ml_provider.stores.sql.order import fenced


class LakeLedger(SqlLedger):
    """
    A ledger in SQL beside the tables of a lake.

    Rows are committed by the table format, with a note of the line. Who dies between that commit
    and the line in SQL leaves a line whose newest claim has not committed: whoever reads such a
    line looks at the table first, and brings the line up to date.
    """

    def __init__(self, session: Session, tables: LakeFormat, *, lease_seconds: float) -> None:
        super().__init__(session, lease_seconds=lease_seconds)
        self._tables = tables

    def release(self) -> None:
        """Let other processes at the ledger; the next call returns."""
        self._connection.release()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def line(self, table: TableName, key: str) -> Line | None:
        """Return the line on one partition."""
        line = super().line(table, key)
        if line is not None and line.committed_token == line.token:
            return line
        return self._reconciled(table, key, line, self._tables.open(table))

    def current(self, table: TableName, key: str, seen: LakeTable | None) -> Line | None:
        """Return the line on one partition, given the table as it is now."""
        return self._reconciled(table, key, super().line(table, key), seen)

    def lines(
        self, table: TableName, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Line]:
        """Return the committed lines whose window begins in ``[start, end)``."""
        self._reconcile(table)
        return super().lines(table, start, end)

    def _reconcile(self, table: TableName) -> None:
        unsettled = ledger_lines.unsettled(self.session, table)
        if unsettled == []:
            return
        seen = self._tables.open(table)
        if seen is None:
            return
        if unsettled is None:  # the SQL ledger is new, or was lost
            for note in seen.notes():
                self.noted(table, note)
        for key in unsettled or ():
            self._reconciled(table, key, super().line(table, key), seen)

    def _reconciled(
        self, table: TableName, key: str, line: Line | None, seen: LakeTable | None
    ) -> Line | None:
        """Return the line of a partition as the table has it, and keep it in SQL."""
        known = 0 if line is None else line.committed_token or 0
        if seen is None or seen.token(key) <= known:
            return line
        note = seen.note(key)
        return line if note is None else self.noted(table, note)

    def noted(self, table: TableName, note: Note) -> Line:
        """Write what a table's commit has noted into SQL, unless something newer is there."""
        session = self.session

        def catch_up() -> Line:
            held = ledger_lines.locked(session, table, note.key)
            if held is None or held.token < note.token:  # the SQL ledger is new, or an old copy
                held = _raised(session, table, note)
            told = _told(held, note)
            if told == held or (held.committed_token or 0) > note.token:
                return held
            ledger_lines.written(session, told)
            ledger_lines.remembered(session, told, note.change, note.reason)
            return told

        return in_transaction(session, catch_up)

    def claim(self, table: TableName, key: str, owner: Owner, at: datetime) -> Claim:
        """
        Take the right to write a partition.

        A ledger that was lost or restored starts behind the table's tokens, and is told of them.
        """
        session = self.session
        seen = self._tables.open(table)
        least = 0 if seen is None else seen.token(key)

        def count_up() -> int:
            with session.waiting((table, key)):
                ledger_lines.raised(session, table, key, least)
                token = ledger_lines.claimed(session, table, key, owner, at)
            if token <= least:  # the line did not exist
                ledger_lines.raised(session, table, key, least + 1)
                return least + 1
            return token

        return Claim(table, key, in_transaction(session, count_up), owner)

    def forget_table(self, table: TableName) -> None:
        """Delete every line on a scratch table, and its history."""
        session = self.session
        in_transaction(session, lambda: ledger_lines.forgotten(session, table))

    def held(self, claim: Claim) -> Claim:
        """
        Return a claim that has not committed yet: this one, or a new one when it has.

        So each token is in one commit at most.

        :raises FencedError: when there is a newer claim.
        """
        session = self.session

        def renew() -> Claim:
            line = ledger_lines.locked(session, claim.table, claim.key)
            if line is None or line.token != claim.token:
                raise FencedError(fenced(claim, line))
            if line.committed_token != claim.token:
                return claim
            ledger_lines.raised(session, claim.table, claim.key, claim.token + 1)
            return replace(claim, token=claim.token + 1)

        return in_transaction(session, renew)

    def found(self, claim: Claim, line: Line, reason: str) -> None:
        """
        Note that a partition was as it should be, and that nothing was written.

        :raises FencedError: when there is a newer claim.
        """
        session = self.session

        def note() -> bool:
            held = ledger_lines.written(session, line)
            if held:
                ledger_lines.remembered(session, line, Change.UNCHANGED, reason)
            return held

        if not in_transaction(session, note):
            raise FencedError(fenced(claim, super().line(claim.table, claim.key)))


def _raised(session: Session, table: TableName, note: Note) -> Line:
    """Return a line whose tokens go on from those of the table."""
    line = note.line
    ledger_lines.claimed(session, table, note.key, line.owner, line.claimed_at)
    ledger_lines.raised(session, table, note.key, note.token)
    held = ledger_lines.locked(session, table, note.key)
    assert held is not None  # noqa: S101  it was made just now
    return held


def _told(held: Line, note: Note) -> Line:
    """Return a line with what the commit has noted; claims and publishing are SQL's own."""
    return replace(
        note.line,
        table=held.table,
        token=held.token,
        owner=held.owner,
        claimed_at=held.claimed_at,
        published_token=held.published_token,
    )
