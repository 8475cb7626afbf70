"""Names that a generic store makes: of indexes, of the tables in which versions lie, of columns."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.table import TableName

KEY, TOKEN = "_ml_key", "_ml_token"
OWN = frozenset({KEY, TOKEN})


def rows_table(table: TableName, columns: Sequence[str]) -> TableName:
    """
    Return the table in which the rows of every version of ``table`` lie.

    Its name depends on the columns' names: a first write that failed leaves one behind, which must
    not bind the next one to its columns.
    """
    return TableName(table.schema, f"{table.name}__ml_{fingerprint(sorted(columns))[:8]}")


def index_name(table: TableName, columns: Sequence[str]) -> str:
    """Return the name of an index, short enough for every engine."""
    return f"ml_{fingerprint([str(table), *columns])[:16]}"
