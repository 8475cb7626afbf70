"""A session: one connection to a SQL database, as the ledger and the write protocol need it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_ml_provider.domain.errors import SchemaMismatchError, UnavailableError
from airflow_ml_provider.domain.ledger import Claim
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.statement import Statement

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]
OnStep = Callable[[str], None]
_Answer = TypeVar("_Answer")
_PATIENCE = 60.0


class ConflictError(UnavailableError):
    """Another transaction changed the same rows at the same moment: do it again."""


class LockedError(UnavailableError):
    """A lock was not had in time; the connection is well."""


class DuplicateKeyError(SchemaMismatchError):
    """A row repeats a key of which the table holds one."""


def unobserved(step: str) -> None:
    """Let a step of a write pass."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """
    An as-of join: the newest row of ``table`` at or before ``moment`` whose keys are equal.

    ``table``, ``alias``, ``time`` and the pairs of ``keys`` (ours, theirs) are quoted SQL; theirs
    and ``time`` are bare column names.
    """

    table: str
    alias: str
    time: str
    moment: str
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RowSums:
    """A number of rows, and the sum of their hashes, modulo 2**64."""

    rows: int
    hashes: int


class Dialect(Protocol):
    """What one SQL database says differently."""

    @property
    def algorithm(self) -> str:
        """The name under which content hashes of this engine compare."""

    @property
    def now(self) -> str:
        """An expression: the database's clock, in UTC and without a zone."""

    @property
    def ledger_types(self) -> Mapping[str, str]:
        """The types of the ledger's columns, by the words of its schema."""

    def later(self, seconds: str) -> str:
        """Return an expression: the database's clock, so many seconds on."""

    def earlier(self, moment: str, span: str) -> str:
        """Return an expression: a moment, a bound span before."""

    def edge(self, bind: str) -> str:
        """Return the end of a window as it is compared with a column of times or dates."""

    def utc(self, moment: str) -> str:
        """Return an expression: a moment of a column in UTC, without a zone."""

    def deletion(self, table: TableName, column: str, where: Statement) -> Statement:
        """Return the DELETE of a slice by ``column``, whose predicate is ``where``."""

    def ascending(self, expressions: Iterable[str]) -> str:
        """Return what stands after ORDER BY, for rows in rising order, NULL last."""

    def text(self, value: str) -> str:
        """Return an expression: a value as text."""

    def shown(self, column: Column) -> str:
        """Return an expression: the values of a column as text, as people write them."""

    def not_among(self, text: str, binds: Sequence[str]) -> str:
        """Return the condition that a text is none of some bound texts; NULL where it is NULL."""

    def addition(self, table: TableName, column: Column) -> str:
        """Return the statement that adds a column, NULL in every row, to a table."""

    def row_hash(self, columns: Sequence[Column]) -> str:
        """
        Return an expression: one 64-bit integer for a row, equal for equal rows.

        No part of it is a sum over columns, or values could change rows unseen.
        """

    def positive(self, number: str) -> str:
        """Return an expression: a 64-bit hash without its sign, for remainders."""

    def newest(self, join: AsOf) -> str:
        """Return the clause of an as-of join; every row of the left side stays, once."""


class Hasher(Protocol):
    """Hashes rows as Arrow, where an engine has no hash of its own."""

    def hashed(self, statement: Statement, *, beside: bool) -> RowSums:
        """Hash the rows of a SELECT; ``beside``: as other transactions see them."""


class Reader(Protocol):
    """What answers SELECTs over tables."""

    @property
    def hasher(self) -> Hasher | None:
        """Who hashes rows; None where the engine does so itself."""

    @property
    def dialect(self) -> Dialect:
        """What this database says differently."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows, whose times are in UTC: values or ISO text."""

    def beside(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a SELECT that does not see what the running transaction has done."""

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table; empty when it does not exist."""


class Session(Reader, Protocol):
    """
    One connection, used by one thread. Errors are those of the domain.

    SQL comes with names in double quotes, ``schema.table``, and ``$1``, ``$2`` … for values that
    are bound with their types. Outside ``begin`` and ``commit`` each statement is a transaction
    of its own. The session's time zone is UTC.
    """

    address: str

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run an INSERT, UPDATE or DELETE and return how many rows it inserted or found."""

    def added(self, sql: str, values: Sequence[object]) -> bool:
        """Run an INSERT of one row; return False when a row with its key is there already."""

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """
        Commit.

        :raises UnavailableError: when the answer is lost; the commit may have happened.
        """

    def rollback(self) -> None:
        """Roll back. Never raises, and does nothing outside a transaction."""

    def stream(self, statement: Statement) -> pa.RecordBatchReader:
        """Stream a SELECT from a snapshot of its own, beside the running transaction."""

    def names_of(self, statement: Statement) -> list[str]:
        """Return the names of the columns of a SELECT without running it."""

    def another(self) -> Session:
        """Return a second session to the same place."""

    def release(self) -> None:
        """Give up what other processes wait for; the next statement takes it again."""

    def close(self) -> None:
        """Close the connection; the next statement opens it again."""

    def exclusive(self, name: str) -> None:
        """Let one transaction at a time pass under ``name``, until it ends."""

    def waiting(self, claim: Claim | tuple[TableName, str]) -> AbstractContextManager[object]:
        """
        Guard a statement that may wait for a lock, and say who holds it when that takes too long.

        A past attempt that holds up a newer one is ended.

        With a claim: the transaction is known as the claim's until it ends.
        """

    def create_like(self, table: TableName, schema: pa.Schema, owned: Slice) -> None:
        """Create a table (and its schema) for rows of an Arrow schema."""

    def create_from(self, table: TableName, statement: Statement, owned: Slice) -> None:
        """Create an empty table (and its schema) with the columns of a SELECT."""

    def missing_index(self, table: TableName, column: str) -> str | None:
        """
        Return the statement that would spare a look for a slice from reading a large table whole.

        None where the table is small, or the engine finds a slice by itself.
        """

    def accepts(self, table: TableName, given: pa.Schema) -> pa.Schema:
        """Return the types in which the columns of ``given`` are to be handed to ``load``."""

    def load(self, table: TableName, rows: pa.RecordBatchReader) -> RowSums | None:
        """Append rows, column by column name; return their sums where the engine has none."""

    def insert(self, table: TableName, statement: Statement) -> tuple[int, RowSums | None]:
        """
        Append the answer of a SELECT, column by column name.

        Return how many rows came, and their sums where the engine has none.
        """


class Renamer(Protocol):
    """What a session can do besides, whose engine renames a table in a transaction."""

    def arrow_of(self, source: TableName | Statement) -> pa.Schema:
        """
        Return the columns of a table that exists, or of a SELECT, as Arrow.

        Those whose types say nothing of their values are null.
        """

    def rename(self, table: TableName, name: TableName) -> None:
        """Give a table another name in its schema, with its indexes."""


def in_transaction(session: Session, work: Callable[[], _Answer]) -> _Answer:
    """
    Run ``work`` in a transaction, again when another one was in its way (up to a minute).

    ``work`` inserts no key that may be there: a duplicate is then one that came at the same moment.
    """
    deadline = time.monotonic() + _PATIENCE
    pause = 0.005
    while True:
        session.begin()
        try:
            answer = work()
            session.commit()
        except (ConflictError, DuplicateKeyError):
            session.rollback()
            if time.monotonic() > deadline:
                raise
            time.sleep(pause)
            pause = min(pause * 2, 0.5)
        except BaseException:
            session.rollback()
            raise
        else:
            return answer
