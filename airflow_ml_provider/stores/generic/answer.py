"""An answer: what a cursor gives, batch by batch, as Arrow whose types the first rows tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.connection.statement import Statement, quoted, wrapped
from airflow_ml_provider.stores.generic.values import Kinds, array, arrays

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 10_000
Ask = Callable[[Statement], Row | None]


def names_of(cursor: Any) -> list[str]:
    """Return the names of the columns of an answer; none for a statement that has no answer."""
    return [str(column[0]) for column in cursor.description or ()]


def rows_of(cursor: Any) -> Iterator[Sequence[Row]]:
    """Yield the rows of an answer in batches."""
    while rows := cursor.fetchmany(ROWS):
        yield rows


def schema_of(
    names: Sequence[str], first: Sequence[Row], kinds: Kinds, statement: Statement, ask: Ask
) -> pa.Schema:
    """
    Return the types of an answer: those that are known, else those of the first rows.

    Where these are all NULL, ``ask`` is asked for one value of the column.

    :raises SchemaMismatchError: for two columns of one name.
    """
    import pyarrow as pa

    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        msg = f"The SELECT gives columns {twice} twice. Give each a name of its own."
        raise SchemaMismatchError(msg)
    fields = []
    for name, column in zip(names, arrays(names, first, kinds), strict=True):
        kind = kinds.get(name) or column.type
        if pa.types.is_null(kind) and first:
            kind = _asked(name, statement, ask)
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _asked(name: str, statement: Statement, ask: Ask) -> pa.DataType:
    column = quoted(name)
    text = f"SELECT {column} FROM {wrapped(statement)} WHERE {column} IS NOT NULL"
    row = ask(Statement(text, statement.values))
    return array(name, [] if row is None else [row[0]], None).type


def batch_of(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    """
    Return rows as a batch of a schema.

    :raises DataError: for a value that is of another kind than those of the first rows.
    """
    import pyarrow as pa

    kinds = {field.name: field.type for field in schema}
    return pa.RecordBatch.from_arrays(arrays(schema.names, rows, kinds), schema=schema)
