"""DuckDB in this process over the tables of a lake: it sees those that a statement names."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.connection.statement import Statement, quoted, quoted_table
from airflow_ml_provider.stores.duckdb.engine import (
    CONFIG,
    DuckDBDialect,
    installed,
    selected,
    settled,
    told,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH_ROWS = 65_536


class LakeSql:
    """
    A DuckDB connection in memory for one statement or a few.

    The SQL of a user reaches no file, network or extension: it sees the tables it was shown.
    ``most_bytes`` is what it may hold in memory; the rest goes to the disk for the while.
    """

    def __init__(self, *, most_bytes: int | None = None) -> None:
        spill = str(Path(tempfile.gettempdir()) / f"airflow_ml_{uuid4().hex}")
        bound = {} if most_bytes is None else {"memory_limit": f"{most_bytes}B"}
        with told():
            connection = installed().connect(
                ":memory:", config={**CONFIG, "temp_directory": spill, **bound}
            )
            self._connection: duckdb.DuckDBPyConnection = settled(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def hasher(self) -> None:
        """Nobody: DuckDB hashes rows itself."""

    @property
    def dialect(self) -> DuckDBDialect:
        """The dialect of the DuckDB that is installed."""
        return DuckDBDialect(installed().__version__)

    def show(self, table: TableName, rows: Any) -> None:
        """Make Arrow rows visible under the name of a table; a stream is read for it, and kept."""
        import pyarrow as pa

        name = f"ml_rows_{uuid4().hex}"
        with told():
            self._connection.register(name, rows)
            if isinstance(rows, pa.RecordBatchReader):
                kept = f"ml_kept_{uuid4().hex}"
                self._connection.execute(f"CREATE TABLE {kept} AS SELECT * FROM {name}")
                name = kept
        self._view(table, f"SELECT * FROM {name}")

    def show_files(self, table: TableName, files: Sequence[Path], schema: pa.Schema) -> None:
        """Make Parquet files of this machine visible under the name of a table."""
        if not files:
            self.show(table, schema.empty_table())
            return
        listed = ", ".join(f"'{_literally(path)}'" for path in files)
        # A folder of a name like a=b is no column.
        self._view(table, f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")

    def _view(self, table: TableName, select: str) -> None:
        with told():
            if table.schema:
                self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
            self._connection.execute(f"CREATE VIEW {quoted_table(table)} AS {select}")

    def confine(self) -> None:
        """Cut the connection off from files and network, for the SQL of a user."""
        with told():
            self._connection.execute(
                "SET enable_external_access = false; SET lock_configuration = true"
            )

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        with told():
            return self._connection.execute(sql, list(values)).fetchall()

    def beside(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a SELECT; a lake has no transaction that it could see."""
        return self.execute(sql, values)

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """Return the columns of a table that was shown, with DuckDB's names of their types."""
        rows = self.execute(f"DESCRIBE {quoted_table(table)}")
        return tuple(Column(name, kind) for name, kind, *_ in rows)

    def stream(self, statement: Statement) -> pa.RecordBatchReader:
        """Stream a SELECT; the connection is closed at the end of the rows."""
        import pyarrow as pa

        with told():
            reader = selected(self._connection, statement).to_arrow_reader(_BATCH_ROWS)
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            with told():
                yield from reader
        finally:
            reader.close()
            self.close()

    def named(self, sql: str) -> list[TableName]:
        """Return the tables that a SELECT names; names of its own WITH clauses are among them."""
        text = self.execute("SELECT json_serialize_sql($1)", (sql,))[0][0]
        found = dict.fromkeys(_tables(json.loads(text)))
        return list(found)


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """Return the columns of a table with DuckDB's names of their types."""
    nothing = TableName(None, "nothing")
    with LakeSql() as sql:
        sql.show(nothing, schema.empty_table())
        return sql.columns(nothing)


def _tables(tree: Any) -> Iterator[TableName]:
    if isinstance(tree, Mapping):
        if tree.get("type") == "BASE_TABLE" and not tree["catalog_name"]:
            yield TableName(tree["schema_name"] or None, tree["table_name"])
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _tables(part)


def _literally(path: Path) -> str:
    """Return a path inside a SQL string, where it is a pattern too."""
    return re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''")
