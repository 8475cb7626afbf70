"""A plan: which files of a table go, and which come, when a slice of it is exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.statement import Statement, inside
from airflow_ml_provider.stores.lake.files import DataFile, Place, place_of
from airflow_ml_provider.stores.lake.sql import LakeSql
from airflow_ml_provider.stores.lake.stage import Stage
from airflow_ml_provider.stores.lake.tables import LakeTable

if TYPE_CHECKING:
    import pyarrow as pa

_FILE = TableName(None, "file")


@dataclass(frozen=True, slots=True)
class Plan:
    """Files that go, and files on the stage with the rows of theirs that must stay."""

    removed: tuple[DataFile, ...]
    kept: tuple[Path, ...]


def planned(seen: LakeTable, owned: Slice, stage: Stage) -> Plan:
    """
    Return how the rows of a slice leave a table.

    A file whose rows are all inside just goes. One that holds others too (another engine has
    packed several files into one, say) goes as well, after these were copied.
    """
    removed: list[DataFile] = []
    kept: list[Path] = []
    for file in seen.files:
        place = place_of(file, owned)
        if place is Place.UNKNOWN:
            place, remaining = _looked_into(seen, file, owned, stage)
            kept += remaining
        if place is not Place.OUTSIDE:
            removed.append(file)
    return Plan(tuple(removed), tuple(kept))


def _looked_into(
    seen: LakeTable, file: DataFile, owned: Slice, stage: Stage
) -> tuple[Place, list[Path]]:
    with LakeSql() as sql:
        where = inside(owned, sql.dialect.edge)
        sql.show(_FILE, seen.dataset([file]))
        text = f"SELECT count(*), count(*) FILTER (WHERE {where.text}) FROM file"
        rows, gone = sql.execute(text, where.values)[0]
        if not gone:
            return (Place.OUTSIDE if rows else Place.INSIDE), []
        if gone == rows:
            return Place.INSIDE, []
        rest = Statement(
            f"SELECT * FROM file WHERE ({where.text}) IS NOT TRUE", tuple(where.values)
        )
        return Place.UNKNOWN, stage.write(_cast(sql.stream(rest), seen.schema), seen.schema)


def _cast(rows: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches in the types of the table; DuckDB gives some of them other names."""
    import pyarrow as pa

    for batch in rows:
        yield pa.RecordBatch.from_arrays(
            [batch.column(field.name).cast(field.type) for field in schema], schema=schema
        )
