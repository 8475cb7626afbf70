"""An answer of SQLite's: the rows of a SELECT, with the types that its columns stand for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.stores.connection.statement import column_list
from airflow_ml_provider.stores.sqlite.tables import is_moment
from airflow_ml_provider.stores.sqlite.text import spelled_out, translated
from airflow_ml_provider.stores.sqlite.types import meant
from airflow_ml_provider.stores.sqlite.values import fitting, hashable_again, read

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 16_384
_KINDS = ("integer", "real", "text", "blob")


class Answer:
    """
    The answer of a SELECT, in SQLite's words, on one connection.

    Columns of a table have the type that they are declared with. Of a computed column SQLite
    knows no type, only values: then the answer is put into a temporary table and looked at first.
    """

    def __init__(self, connection: sqlite3.Connection, sql: str, values: Sequence[object]) -> None:
        self._connection = connection
        self._sql, self._values = sql, values

    def declared(self) -> list[tuple[str, pa.DataType | None]]:
        """Return each column's name and its declared type; None for one that is computed."""
        view = f"ml_view_{uuid4().hex}"
        select = spelled_out(self._sql, self._values)
        self._connection.execute(f"CREATE TEMP VIEW {view} AS {select}")
        try:
            found = _columns(self._connection, view)
        finally:
            self._connection.execute(f"DROP VIEW temp.{view}")
        return [(name, meant(kind)) for name, kind in found]

    def schema(self) -> pa.Schema:
        """
        Return the types of the columns, those of computed ones as their values are.

        :raises DataError: for a computed column with values of several kinds.
        """
        import pyarrow as pa

        columns = self.declared()
        if all(kind is not None for _, kind in columns):
            return pa.schema(columns)
        kept = f"ml_answer_{uuid4().hex}"
        select = spelled_out(self._sql, self._values)
        self._connection.execute(f"CREATE TEMP TABLE {kept} AS {select}")
        self._sql, self._values = f"SELECT * FROM temp.{kept}", ()
        return pa.schema([(name, kind or self._seen(kept, name)) for name, kind in columns])

    def _seen(self, table: str, name: str) -> pa.DataType:
        import pyarrow as pa

        column = column_list([name])
        kinds = ", ".join(f"max(typeof({column}) = '{kind}')" for kind in _KINDS)
        text = f"SELECT {kinds}, min({is_moment(column)}) FROM temp.{table} WHERE {column} IS NOT NULL"
        *found, moments = self._connection.execute(translated(text)).fetchone()
        match tuple(map(bool, found)):
            case (False, False, False, False):
                return pa.null()
            case (True, False, False, False):
                return pa.int64()
            case (_, True, False, False):
                return pa.float64()
            case (False, False, True, False):
                return pa.timestamp("us", "UTC") if moments else pa.string()
            case (False, False, False, True):
                return pa.binary()
        seen = " and ".join(kind for kind, there in zip(_KINDS, found, strict=True) if there)
        msg = (
            f"Column {name!r} of the answer holds values of several kinds: {seen}. Cast it to one."
        )
        raise DataError(msg)

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows as ``schema``, which is the answer's own."""
        import pyarrow as pa

        for columns in self._columns():
            pairs = zip(schema, columns, strict=True)
            arrays = [read(field.name, values, field.type) for field, values in pairs]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def hashable(self) -> Iterator[dict[str, list[pa.Array]]]:
        """Yield the rows as they are hashed: what rests in them, whatever it is."""
        declared = self.declared()
        for columns in self._columns():
            yield {
                name: hashable_again(name, values, kind)
                for (name, kind), values in zip(declared, columns, strict=True)
            }

    def fitting(self) -> Iterator[dict[str, list[pa.Array]]]:
        """
        Yield the rows of a table as they are hashed, when they are what it was made for.

        :raises SchemaMismatchError: with an example of a value that is not.
        """
        declared = self.declared()
        for columns in self._columns():
            yield {
                name: hashable_again(name, values, kind)
                if kind is None
                else fitting(name, values, kind)
                for (name, kind), values in zip(declared, columns, strict=True)
            }

    def _columns(self) -> Iterator[list[tuple[object, ...]]]:
        cursor = self._connection.execute(self._sql, self._values)
        while rows := cursor.fetchmany(_BATCH_ROWS):
            yield list(zip(*rows, strict=True))


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, type FROM pragma_table_info(?1)", (table,)).fetchall()
