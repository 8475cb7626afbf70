"""Standard SQL: what a dialect says when its engine has no words of its own for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.statement import Statement, quoted, quoted_table


class StandardDialect:
    """The dialect that engines differ from; see :class:`~.session.Dialect`."""

    now: str = "CAST(now() AS TIMESTAMP)"
    ledger_types: Mapping[str, str] = {
        "table": "TEXT",
        "name": "TEXT",
        "key": "TEXT",
        "text": "TEXT",
        "moment": "TIMESTAMP",
        "whole": "BIGINT",
        "flag": "BOOLEAN",
    }

    def later(self, seconds: str) -> str:
        """Return the clock's time, so many seconds on."""
        return f"{self.now} + {seconds} * INTERVAL '1 second'"

    def earlier(self, moment: str, span: str) -> str:
        """Return a moment, a bound span before."""
        return f"{moment} - {span}"

    def edge(self, bind: str) -> str:
        """Return the end of a window as it is compared with a column of times or dates."""
        return bind

    def utc(self, moment: str) -> str:
        """Return a moment in UTC, without a zone."""
        return f"CAST({moment} AS TIMESTAMP)"

    def deletion(self, table: TableName, column: str, where: Statement) -> Statement:
        """Return the DELETE of a slice by ``column``, whose predicate is ``where``."""
        return Statement(f"DELETE FROM {quoted_table(table)} WHERE {where.text}", where.values)

    def ascending(self, expressions: Iterable[str]) -> str:
        """Return what stands after ORDER BY, for rows in rising order, NULL last."""
        return ", ".join(expressions)

    def text(self, value: str) -> str:
        """Return a value as text."""
        return f"CAST({value} AS TEXT)"

    def addition(self, table: TableName, column: Column) -> str:
        """Return the statement that adds a column to a table."""
        return f"ALTER TABLE {quoted_table(table)} ADD COLUMN {quoted(column.name)} {column.type}"

    def shown(self, column: Column) -> str:
        """Return the text of a column's values, as a check names them."""
        return self.text(quoted(column.name))

    def not_among(self, text: str, binds: Sequence[str]) -> str:
        """Return NOT IN."""
        return f"{text} NOT IN ({', '.join(binds)})"
