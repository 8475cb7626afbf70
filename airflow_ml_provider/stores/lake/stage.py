"""A stage: the private folder in which an attempt writes its rows, before anybody can see them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from airflow_ml_provider.stores.lake.folder import reached

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_GROUP_BYTES = 64 * 2**20
_FILE_BYTES = 512 * 2**20
_HOUR = 3600.0


class Stage:
    """
    A folder of one attempt on this machine's disk, gone at the end of the ``with`` block.

    A killed attempt leaves its folder behind. Whoever stages in the same ``home`` later clears
    away what nobody has written to for ``keep_hours``.
    """

    def __init__(self, home: Path, *, keep_hours: float) -> None:
        self._home = home
        self._attempt = uuid4().hex
        self._folder = home / f"attempt-{self._attempt}"
        self._keep_seconds = keep_hours * _HOUR

    def __enter__(self) -> Self:
        with reached(str(self._home)):
            self._folder.mkdir(parents=True)
        cleared(self._home, time.time() - self._keep_seconds)
        return self

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> list[Path]:
        """
        Write a stream to Parquet files, in bounded memory, and return them; none for no rows.

        :raises ExhaustedError: when the disk is full.
        """
        files: list[Path] = []
        writer: pq.ParquetWriter | None = None
        try:
            for group in _groups(rows):
                with reached(str(self._folder)):
                    if writer is None:
                        files.append(self._folder / f"part-{uuid4().hex}.parquet")
                        writer = _writer(files[-1], schema)
                    _append(writer, group)
                    if files[-1].stat().st_size > _FILE_BYTES:
                        writer.close()
                        writer = None
            with reached(str(self._folder)):
                if writer is not None:
                    writer.close()
        except BaseException:
            _abandon(writer)
            raise
        return files


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    import pyarrow.parquet as pq

    return pq.ParquetWriter(file, schema, use_dictionary=_repeated(schema))


def _append(writer: pq.ParquetWriter, group: list[pa.RecordBatch]) -> None:
    import pyarrow as pa

    rows = pa.Table.from_batches(group)
    writer.write_table(rows, row_group_size=rows.num_rows)


def _abandon(writer: pq.ParquetWriter | None) -> None:
    if writer is not None:
        with suppress(OSError):
            writer.close()
        writer.is_open = False  # else it tries once more when it is collected


def _groups(rows: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Yield batches in groups that are large enough to be stored well and small enough to hold."""
    group: list[pa.RecordBatch] = []
    held = 0
    for batch in rows:
        if batch.num_rows:
            group.append(batch)
            held += batch.nbytes
        if held > _GROUP_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group


def _repeated(schema: pa.Schema) -> list[str]:
    """Return the columns whose values are worth a dictionary: measurements and moments differ."""
    from pyarrow import types

    differ = (types.is_floating, types.is_decimal, types.is_timestamp)
    return [field.name for field in schema if not any(test(field.type) for test in differ)]


def cleared(home: Path, before: float, *, dry_run: bool = False) -> int:
    """Delete, or only count, the folders of attempts to which nobody has written since."""
    found = 0
    for folder in home.glob("attempt-*"):
        # Another process may clear the same one at the same moment.
        with suppress(OSError):
            touched = [path.stat().st_mtime for path in (folder, *folder.iterdir())]
            if max(touched) < before:
                found += 1
                if not dry_run:
                    shutil.rmtree(folder, ignore_errors=True)
    return found
