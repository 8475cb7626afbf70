"""Plain Parquet tables: files that never change, and manifests of which the newest counts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import ConflictError
from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.folder import Folder
from airflow_ml_provider.stores.lake.location import LakeLocation
from airflow_ml_provider.stores.lake.tables import Exchange, LakeTable
from airflow_ml_provider.stores.lake.types import Types
from airflow_ml_provider.stores.parquet import clearing
from airflow_ml_provider.stores.parquet.manifest import Manifest, facts_in, facts_of
from airflow_ml_provider.stores.parquet.objects import Objects, ObjectShelf
from airflow_ml_provider.stores.parquet.shelf import DiskShelf, Shelf
from airflow_ml_provider.stores.parquet.snapshot import ParquetSnapshot

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = Types("Parquet")
_MANIFESTS = "_manifests"
_LOOKS = 5


class ParquetFormat:
    """
    Parquet tables below a root.

    A commit creates the manifest whose number follows that of the one it has seen; only one can.
    """

    def __init__(self, location: LakeLocation, *, keep_hours: float) -> None:
        self._location = location
        self._keep_seconds = keep_hours * 3600
        self._objects = Objects(location)

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a new table for such rows, as they are read from it later."""
        return _TYPES.stored(schema)

    def widened(self, seen: LakeTable, new: pa.Schema) -> pa.Schema:
        """Return the columns of a table together with new ones."""
        import pyarrow as pa

        return pa.schema([*seen.schema, *self.stored(new)])

    def open(self, table: TableName) -> ParquetSnapshot | None:
        """Return a table as it is now; None when there is none."""
        shelf = self._shelf(table)
        for _ in range(_LOOKS):
            numbers = shelf.numbers()
            if not numbers:
                return None
            content = shelf.read(numbers[-1])
            if content is not None:  # else it was cleared away since: look again
                return ParquetSnapshot(Manifest.read(shelf.place, content), self._folder(table))
        msg = f"{shelf.place} lists manifests that are not there."
        raise UnavailableError(msg)

    def _folder(self, table: TableName) -> Folder:
        return Folder(self._location.filesystem(), self._location.of(table))

    def _shelf(self, table: TableName) -> Shelf:
        place = f"{self._location.of(table)}/{_MANIFESTS}"
        if self._location.folder is None:
            return ObjectShelf(self._objects, place.removeprefix(f"{self._location.root}/"))
        return DiskShelf(Path(place), keep_seconds=self._keep_seconds)

    def bring(self, table: TableName, files: Sequence[Path]) -> list[DataFile]:
        """Put staged files beside those of the table; no manifest names them yet."""
        sums = [_sum(file) for file in files]
        brought = self._folder(table).bring(files)
        return [replace(file, sha256=sha) for file, sha in zip(brought, sums, strict=True)]

    def discard(self, table: TableName, files: Sequence[DataFile]) -> None:
        """Delete files that no manifest names."""
        self._folder(table).discard(files)

    def orphans(self, table: TableName, before: datetime) -> list[DataFile]:
        """Return files that no manifest names, which dead attempts have brought."""
        old = self._folder(table).written_before(before)
        seen = self.open(table) if old else None
        if seen is None:
            return []
        known = {*seen.manifest.files, *seen.manifest.condemned}
        return [file for file in old if file.path not in known]

    def drop(self, table: TableName) -> None:
        """Delete a scratch table with all its files."""
        self._folder(table).drop()

    def close(self) -> None:
        """Nothing is open: each table is reached on its own."""

    def commit(self, table: TableName, seen: LakeTable | None, exchange: Exchange) -> None:
        """
        Commit, if nothing was committed since ``seen``.

        :raises ConflictError: when something was, and when it might have been: manifests are
            cleared away, so the place of one may be empty a second time. Only who holds the newest
            number knows that it came in time.
        """
        shelf, folder, now = self._shelf(table), self._folder(table), time.time()
        before = _manifest(seen)
        self._refuse_what_is_gone(table, folder, before, exchange.added)
        after = self._following(folder, before, exchange, now)
        created = shelf.create(after.number, after.content(now))
        numbers = shelf.numbers() if created else []
        if not numbers or numbers[-1] != after.number:
            msg = f"{shelf.place}: others have committed number {after.number} or a later one."
            raise ConflictError(msg)
        shelf.remove(numbers[: -clearing.KEPT_MANIFESTS])

    def _following(
        self, folder: Folder, before: Manifest, exchange: Exchange, now: float
    ) -> Manifest:
        """Return the next manifest, after what is due was deleted."""
        number, removed = before.number + 1, [file.path for file in exchange.removed]
        added = {file.path: facts_of(file) for file in exchange.added}
        kept = {path: facts for path, facts in before.files.items() if path not in set(removed)}
        stray: list[str] = []
        if clearing.looks_for_strays(number):
            known = (before.files, before.condemned, added)
            stray = clearing.strays(folder.found(), known, now - self._keep_seconds)
        notes = dict(before.notes)
        if exchange.note is not None:
            notes[exchange.note.key] = facts_in(exchange.note)
        condemned = clearing.condemned(
            before.condemned,
            folder.deleted(clearing.due(before, now)),
            removed,
            stray,
            now=now,
            keep_seconds=self._keep_seconds,
        )
        return Manifest(number, exchange.schema, kept | added, notes, condemned)

    def _refuse_what_is_gone(
        self, table: TableName, folder: Folder, before: Manifest, added: Sequence[DataFile]
    ) -> None:
        """Return when every file that comes is there to stay; who slept for a day may lose his."""
        paths = [file.path for file in added]
        gone = [path for path in paths if path in before.condemned] or folder.missing(paths)
        if gone:
            msg = (
                f"{table}: {gone[0]} was cleared away as the file of a dead attempt, while this "
                "one slept. Nothing was written. Run this task again."
            )
            raise UnavailableError(msg)


def _manifest(seen: LakeTable | None) -> Manifest:
    """Return the manifest that was seen; of a table that is not there, an empty one."""
    import pyarrow as pa

    if seen is None:
        return Manifest(0, pa.schema([]), {}, {}, {})
    assert isinstance(seen, ParquetSnapshot)  # noqa: S101  a format is given its own tables
    return seen.manifest


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
