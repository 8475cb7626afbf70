"""What MySQL and MariaDB say differently from other SQL databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.dialect import StandardDialect
from airflow_ml_provider.stores.connection.session import AsOf, Row
from airflow_ml_provider.stores.connection.statement import Statement, quoted, quoted_table
from airflow_ml_provider.stores.mysql.literals import text_literal
from airflow_ml_provider.stores.mysql.types import is_textual, named

# Text is compared byte by byte, trailing spaces included: a key is itself and no other.
COLLATIONS = {"mariadb": "utf8mb4_nopad_bin", "mysql": "utf8mb4_0900_bin"}
# The column in which tables of ours number their rows; a SELECT of all columns leaves it out.
ROW_NUMBER = '"ml_row"'
# Longer text counts with its digest, so that the text of a row fits into a packet.
_LONG = 1000


class MysqlDialect(StandardDialect):
    """
    The dialect of a server, which is asked when it matters.

    ``flavour`` is ``mysql`` or ``mariadb``; ``ask`` runs a statement and returns its rows.
    """

    now = "UTC_TIMESTAMP(6)"

    def __init__(self, flavour: Callable[[], str], ask: Callable[..., list[Row]]) -> None:
        self._flavour = flavour
        self._ask = ask

    def numbers_rows(self, table: str) -> bool:
        """Whether the rows of a table, by its quoted name, have numbers of ours."""
        return bool(self._ask(f"SHOW COLUMNS FROM {table} LIKE {text_literal(ROW_NUMBER[1:-1])}"))

    @cached_property
    def ledger_types(self) -> Mapping[str, str]:  # type: ignore[override]
        """What is found by a key has a length: a key of InnoDB has 3,072 bytes, a letter four."""
        exactly = f"CHARACTER SET utf8mb4 COLLATE {COLLATIONS[self._flavour()]}"
        return {
            "table": f"VARCHAR(64) {exactly}",
            "name": f"VARCHAR(250) {exactly}",
            "key": f"VARCHAR(510) {exactly}",
            "text": f"LONGTEXT {exactly}",
            "moment": "DATETIME(6)",
            "whole": "BIGINT",
            "flag": "BOOLEAN",
        }

    @cached_property
    def algorithm(self) -> str:
        """The two servers may write a number otherwise, so the name tells them apart."""
        return f"{self._flavour()}1"

    def later(self, seconds: str) -> str:
        """Return the clock's time, so many seconds on."""
        return f"{self.now} + INTERVAL CAST({seconds} AS DECIMAL(20, 6)) SECOND"

    def earlier(self, moment: str, span: str) -> str:
        """Return a moment, a bound span before."""
        return f"{moment} - INTERVAL {span} MICROSECOND"

    def utc(self, moment: str) -> str:
        """Return a moment, also of a day, in UTC."""
        return f"CAST({moment} AS DATETIME(6))"

    def deletion(self, table: TableName, column: str, where: Statement) -> Statement:
        """
        Return a DELETE that stops at the last row of the slice.

        Without a limit it would look at the row behind, which belongs to another partition, and
        wait for whoever is writing that.
        """
        name = quoted_table(table)
        rows = self._ask(f"SELECT count(*) FROM {name} WHERE {where.text}", where.values)[0][0]
        text = f"DELETE FROM {name} WHERE {where.text} ORDER BY {quoted(column)} LIMIT {rows}"
        return Statement(text, where.values)

    def addition(self, table: TableName, column: Column) -> str:
        """Return the statement that adds a column, with the mark that its type may have."""
        kind = named(column.type)
        return (
            f"ALTER TABLE {quoted_table(table)} ADD COLUMN {quoted(column.name)} {kind.type} NULL "
            f"COMMENT {text_literal(kind.comment)}"
        )

    def ascending(self, expressions: Iterable[str]) -> str:
        """Return the order, in which NULL would come first here."""
        return ", ".join(f"{each} IS NULL, {each}" for each in expressions)

    def text(self, value: str) -> str:
        """Return a value as text."""
        return f"CAST({value} AS CHAR)"

    def shown(self, column: Column) -> str:
        """Return the text of a column's values, as people write them."""
        name = quoted(column.name)
        if column.type == "tinyint(1)":
            return f"CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        return self.text(name)

    def row_hash(self, columns: Sequence[Column]) -> str:
        """Return 64 bits of a digest of the row's values as text, each with its length."""
        values = ", ".join(piece for column in columns for piece in _pieces(column))
        digest = f"SHA1(CONCAT_WS(',', {values}))"
        return f"CAST(CONV(LEFT({digest}, 16), 16, 10) AS UNSIGNED)"

    def positive(self, number: str) -> str:
        """Return the hash: it has no sign here."""
        return number

    def newest(self, join: AsOf) -> str:
        """
        Return a join with the one row that a correlated look-up finds; it wants an index.

        Of rows at one moment any will do: of tables of ours it is the one that the look-up names,
        of others the first, for which the whole table is looked at.
        """
        keys = [f"{ours} = candidate.{theirs}" for ours, theirs in join.keys]
        past = " AND ".join([*keys, f"candidate.{join.time} <= {join.moment}"])
        if self.numbers_rows(join.table):
            return (
                f"LEFT JOIN {join.table} AS {join.alias} ON {join.alias}.{ROW_NUMBER} = "
                f"(SELECT candidate.{ROW_NUMBER} FROM {join.table} AS candidate WHERE {past} "
                f"ORDER BY candidate.{join.time} DESC LIMIT 1)"
            )
        theirs = ", ".join([*(name for _, name in join.keys), join.time])
        once = (
            f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {theirs}) AS {ROW_NUMBER} "
            f"FROM {join.table}"
        )
        same = " AND ".join(f"{ours} = {join.alias}.{name}" for ours, name in join.keys)
        return (
            f"LEFT JOIN ({once}) AS {join.alias} ON {join.alias}.{ROW_NUMBER} = 1 AND {same} "
            f"AND {join.alias}.{join.time} = (SELECT max(candidate.{join.time}) "
            f"FROM {join.table} AS candidate WHERE {past})"
        )


def _pieces(column: Column) -> list[str]:
    """Return the arguments that tell a column's value from any other, and NULL from all."""
    name = quoted(column.name)
    if is_textual(column.type):
        # As bytes, since columns with several character sets do not stand in one text.
        data = f"CAST({name} AS BINARY)"
        short = f"IF(LENGTH({name}) > {_LONG}, SHA1({data}), {data})"
        return [f"IFNULL(LENGTH({name}), '-')", f"IFNULL({short}, '')"]
    # The text of a FLOAT has six digits; as a DOUBLE it has all of them, and zero has one sign.
    number = f"{name} + 0e0" if column.type.startswith(("float", "double")) else name
    return [f"IFNULL({number}, '-')"]
