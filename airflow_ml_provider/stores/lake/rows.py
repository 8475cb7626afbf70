"""The rows of data files, as a dataset that DuckDB streams, past the files it need not open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.folder import Folder

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds


def rows_of(files: Sequence[DataFile], schema: pa.Schema, folder: Folder) -> ds.FileSystemDataset:
    """Return the rows of Parquet files below a folder, in the columns of ``schema``."""
    import pyarrow.dataset as ds
    import pyarrow.fs as pa_fs

    filesystem = pa_fs.SubTreeFileSystem(folder.path, folder.filesystem)
    parquet = ds.ParquetFileFormat(
        default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True)
    )
    fragments = [
        parquet.make_fragment(
            file.path,
            filesystem=filesystem,
            partition_expression=_promised(file, schema),
            file_size=file.size,
        )
        for file in files
    ]
    return ds.FileSystemDataset(fragments, schema, parquet, filesystem)


def _promised(file: DataFile, schema: pa.Schema) -> pc.Expression:
    """Return what holds for every row of a file: a reader with another wish passes it over."""
    import pyarrow.compute as pc

    promise = pc.scalar(True)
    for part in _promises(file, schema):
        promise = promise & part
    return promise


def _promises(file: DataFile, schema: pa.Schema) -> Iterator[pc.Expression]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, value in file.constants.items():
        column = pc.field(name)
        same = column == pa.scalar(value, schema.field(name).type)
        yield column.is_null() if value is None else same
    for name, bounds in file.bounds.items():
        if bounds.low is None or bounds.high is None:
            continue  # nothing is known, which is not the same as "all are NULL"
        column, kind = pc.field(name), schema.field(name).type
        between = (column >= pa.scalar(bounds.low, kind)) & (
            column <= pa.scalar(bounds.high, kind)
        )
        yield between | column.is_null() if bounds.nulls else between
