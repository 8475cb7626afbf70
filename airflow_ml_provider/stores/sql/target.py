"""A target: the table of a write, which is made, widened or set aside until the rows fit into it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.domain.schema import SchemaPolicy, added_columns, aside
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.arrow.outgrown import outgrown
from airflow_ml_provider.stores.connection.session import ConflictError, Renamer, Session
from airflow_ml_provider.stores.connection.statement import Statement, quoted_table
from airflow_ml_provider.stores.ledger import lines as ledger_lines
from airflow_ml_provider.stores.sql.order import Order

if TYPE_CHECKING:
    import pyarrow as pa


class Target:
    """
    The table of an order, in the transaction of the write.

    ``added`` are the columns that the rows bring to it; ``aside`` is the name that its former
    version was given, and how the rows differ from that.
    """

    def __init__(
        self,
        session: Session,
        order: Order,
        source: Statement | pa.RecordBatchReader,
        *,
        ddl_in_transaction: bool,
        renamer: Renamer | None,
    ) -> None:
        self._names: list[str] = []
        self.added: tuple[str, ...] = ()
        self.aside: tuple[TableName, str] | None = None
        self._session = session
        self._order = order
        self._source = source
        self._table = order.claim.table
        self._ddl_in_transaction = ddl_in_transaction
        self._renamer = renamer

    def made(self, *, apart: bool = False) -> bool:
        """Make the table if there is none, else add columns to it or refuse rows that do not fit."""
        self.aside = None
        given = self.sliceable()
        columns, small = self._seen()
        if not columns or small or self._lacking(columns, given):
            with self._session.waiting(self._order.claim):
                self._session.exclusive(f"create {quoted_table(self._table)}")
            columns = self.columns()
            if columns and (change := self._outgrown()):
                self._set_aside(change)
                columns = []
        self._names = given
        added = self._lacking(columns or given, given)
        if added or self._ddl_in_transaction:  # what was added apart is not lacking any more
            self.added = added
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

    def unfits(self) -> bool:
        """Whether the rows do not fit (any more), now that the table keeps its columns."""
        return bool(self._outgrown() or self._lacking(self.columns(), self._names))

    def sliceable(self) -> list[str]:
        """Return the columns of the rows, one of which says to which partition they belong."""
        given = self._given()
        if self._order.owned.column not in given:
            msg = (
                f"The rows for {self._table} have no column {self._order.owned.column!r}, which "
                f"says which partition a row belongs to; they have {given}."
            )
            raise SchemaMismatchError(msg)
        return given

    def columns(self) -> list[str]:
        """Return the names of the table's columns; none when it does not exist."""
        return [column.name for column in self._session.columns(self._table)]

    def _seen(self) -> tuple[list[str], bool]:
        """Return the columns of the table, and whether it is too small for the rows."""
        columns = self.columns()
        if not columns or self._order.schema is not SchemaPolicy.NEW_VERSION:
            return columns, False
        if self._outgrown():
            return columns, True
        # Read again: another writer may have begun the new version in between.
        return self.columns(), False

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
        self.aside = name, change

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
        for name in self.added:
            with self._session.waiting(self._order.claim):
                self._session.execute(self._session.dialect.addition(self._table, kinds[name]))

    def _given(self) -> list[str]:
        if isinstance(self._source, Statement):
            return self._session.names_of(self._source)
        return list(self._source.schema.names)
