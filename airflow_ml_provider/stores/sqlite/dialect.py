"""What SQLite says differently, and the functions that it borrows from Python for it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.arrow.hash import ALGORITHM
from airflow_ml_provider.stores.connection.dialect import StandardDialect
from airflow_ml_provider.stores.connection.session import AsOf
from airflow_ml_provider.stores.connection.statement import column_list, quoted
from airflow_ml_provider.stores.sqlite.tables import spelled
from airflow_ml_provider.stores.sqlite.types import decimal_places

_CLOCK = "strftime('%Y-%m-%d %H:%M:%f', 'now'{})"
_MIDNIGHT = " 00:00:00"


class SqliteDialect(StandardDialect):
    """Moments are text here: ``2024-01-05 06:00:00``, a day ``2024-01-05``; see ``values``."""

    algorithm = ALGORITHM
    now = _CLOCK.format("")

    def later(self, seconds: str) -> str:
        """Return the clock's time, so many seconds on."""
        return _CLOCK.format(f", {seconds} || ' seconds'")

    def earlier(self, moment: str, span: str) -> str:
        """Return a moment, a bound span before, as the end of a window."""
        return f"ml_earlier({moment}, {span})"

    def edge(self, bind: str) -> str:
        """Return the end of a window: at midnight the bare day, which a moment of it begins with."""
        return f"CASE WHEN {bind} LIKE '%{_MIDNIGHT}' THEN substr({bind}, 1, 10) ELSE {bind} END"

    def addition(self, table: TableName, column: Column) -> str:
        """Return the statement that adds a column; not every type is a word."""
        return super().addition(table, Column(column.name, spelled(column.type)))

    def ascending(self, expressions: Iterable[str]) -> str:
        """Return the order, in which NULL would come first here."""
        return ", ".join(f"{expression} NULLS LAST" for expression in expressions)

    def utc(self, moment: str) -> str:
        """Return a moment as it is."""
        return moment

    def shown(self, column: Column) -> str:
        """Return the text of a column's values, as people write them."""
        name = quoted(column.name)
        if column.type.upper() in {"BOOLEAN", "BOOL"}:
            return f"CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        if places := decimal_places(column.type):
            return f"printf('%.{places[1]}f', {name})"
        return self.text(name)

    def row_hash(self, columns: Sequence[Column]) -> str:
        """Return a hash of a few columns, without a sign; whole rows are hashed as Arrow."""
        return f"ml_hash({column_list(column.name for column in columns)})"

    def positive(self, number: str) -> str:
        """Return the hash: it has no sign here."""
        return number

    def newest(self, join: AsOf) -> str:
        """Return a join with the row that a correlated look-up finds; it wants an index."""
        keys = [f"{ours} = candidate.{theirs}" for ours, theirs in join.keys]
        # Where moments are compared with days, a day is its midnight.
        whole = f"CASE length({join.moment}) WHEN 10 THEN {join.moment} || '{_MIDNIGHT}' "
        until = f"candidate.{join.time} <= {whole}ELSE {join.moment} END"
        return (
            f"LEFT JOIN {join.table} AS {join.alias} ON {join.alias}.rowid = "
            f"(SELECT candidate.rowid FROM {join.table} AS candidate "
            f"WHERE {' AND '.join([*keys, until])} ORDER BY candidate.{join.time} DESC LIMIT 1)"
        )


def lend_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the dialect speaks of."""
    connection.create_function("ml_hash", -1, _hash, deterministic=True)
    connection.create_function("ml_earlier", 2, _earlier, deterministic=True)


def _hash(*values: object) -> int:
    digest = hashlib.blake2b(repr(values).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _earlier(moment: str | None, microseconds: int) -> str | None:
    if moment is None:
        return None
    before = datetime.fromisoformat(moment) - timedelta(microseconds=microseconds)
    return before.replace(tzinfo=None).isoformat(" ").removesuffix(_MIDNIGHT)
