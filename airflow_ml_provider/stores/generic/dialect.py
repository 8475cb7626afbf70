"""The dialect of a profile: SQL that every engine speaks, and what the profile says for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.arrow.hash import ALGORITHM
from airflow_ml_provider.stores.connection.dialect import StandardDialect
from airflow_ml_provider.stores.connection.session import AsOf
from airflow_ml_provider.stores.connection.statement import column_list, quoted, quoted_table
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.generic.types import declared, meant

_FIRST, _UNTIL = quoted("ml first"), quoted("ml until")


class GenericDialect(StandardDialect):
    """Whole rows are hashed as Arrow: SQL has no hash that all engines share."""

    algorithm = ALGORITHM

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.now = profile.now
        types = profile.types
        keys = dict.fromkeys(("table", "name", "key"), types["key"])
        plain = {word: types[word] for word in ("text", "moment", "whole", "flag")}
        self.ledger_types: Mapping[str, str] = {**keys, **plain}

    def later(self, seconds: str) -> str:
        """Return the clock's time, so many seconds on."""
        return self._profile.later.format(seconds=seconds)

    def earlier(self, moment: str, span: str) -> str:
        """Return a moment, a bound span before."""
        return self._profile.earlier.format(moment=moment, span=span)

    def utc(self, moment: str) -> str:
        """Return a moment as it is: the session turns what a driver gives into UTC."""
        return moment

    def ascending(self, expressions: Iterable[str]) -> str:
        """Return the order; where NULL would come is each engine's own choice."""
        return ", ".join(
            f"CASE WHEN {expression} IS NULL THEN 1 ELSE 0 END, {expression}"
            for expression in expressions
        )

    def text(self, value: str) -> str:
        """Return a value as text."""
        return f"CAST({value} AS {self._profile.types['text']})"

    def whole(self, value: str) -> str:
        """Return a value as an integer of 64 bits."""
        return f"CAST({value} AS {self._profile.types['whole']})"

    def key(self, value: str) -> str:
        """Return a value as text that an index takes."""
        return f"CAST({value} AS {self._profile.types['key']})"

    def shown(self, column: Column) -> str:
        """Return the text of a column's values, with the words 'true' and 'false' for a flag."""
        import pyarrow as pa

        name = quoted(column.name)
        if meant(column.type) == pa.bool_():
            told = ((self._profile.true, "true"), (self._profile.false, "false"))
            cases = " ".join(f"WHEN {name} = {value} THEN '{word}'" for value, word in told)
            return f"CASE {cases} END"
        return self.text(name)

    def addition(self, table: TableName, column: Column) -> str:
        """Return the statement that adds a column, in a type of ours: catalogs leave lengths out."""
        import pyarrow as pa

        kind, said = meant(column.type), column.type
        if kind is not None:
            said = declared(pa.field(column.name, kind), self._profile.types)
        name = quoted(column.name)
        return self._profile.addition.format(table=quoted_table(table), column=name, type=said)

    def row_hash(self, columns: Sequence[Column]) -> str:
        """
        Return a number for a few columns, which is never negative.

        :raises ConfigurationError: where the profile knows none.
        """
        if self._profile.chunked is None:
            msg = (
                f"{self._profile.engine} has no hash of columns that is known here, so a batch "
                "cannot be split into chunks on it. Score it in one chunk."
            )
            raise ConfigurationError(msg)
        return self._profile.chunked.format(columns=column_list(c.name for c in columns))

    def positive(self, number: str) -> str:
        """Return the number, which has no sign."""
        return number

    def newest(self, join: AsOf) -> str:
        """
        Return a join over spans of validity: each row counts until the next one of its keys.

        Of rows of one moment one is taken. It needs window functions and nothing else.
        """
        keys = ", ".join(theirs for _, theirs in join.keys)
        one_a_moment = (
            f"SELECT candidate.*, ROW_NUMBER() OVER (PARTITION BY {keys}, {join.time} "
            f"ORDER BY {join.time}) AS {_FIRST} FROM {join.table} AS candidate "
            f"WHERE {join.time} IS NOT NULL"
        )
        spans = (
            f"SELECT moments.*, LEAD({join.time}) OVER (PARTITION BY {keys} "
            f"ORDER BY {join.time}) AS {_UNTIL} FROM ({one_a_moment}) AS moments "
            f"WHERE {_FIRST} = 1"
        )
        equal = [f"{ours} = {join.alias}.{theirs}" for ours, theirs in join.keys]
        until = f"{join.alias}.{_UNTIL}"
        valid = [
            f"{join.alias}.{join.time} <= {join.moment}",
            f"({until} IS NULL OR {until} > {join.moment})",
        ]
        return f"LEFT JOIN ({spans}) AS {join.alias} ON {' AND '.join([*equal, *valid])}"
