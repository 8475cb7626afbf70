"""A Parquet table as one manifest has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.folder import Folder
from airflow_ml_provider.stores.lake.notes import Note
from airflow_ml_provider.stores.lake.rows import rows_of
from airflow_ml_provider.stores.parquet.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


class ParquetSnapshot:
    """A Parquet table at one commit."""

    def __init__(self, manifest: Manifest, folder: Folder) -> None:
        self.manifest = manifest
        self._folder = folder

    @property
    def version(self) -> str:
        """The number of the manifest."""
        return str(self.manifest.number)

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self.manifest.schema

    @cached_property
    def files(self) -> list[DataFile]:
        """The data files, with what the manifest knows of their columns."""
        return [self.manifest.file(path) for path in self.manifest.files]

    @property
    def hindrances(self) -> Sequence[str]:
        """Nothing: nobody else makes such tables."""
        return ()

    def dataset(self, files: Sequence[DataFile] | None = None) -> ds.FileSystemDataset:
        """Return the rows (of some files) as a pyarrow dataset."""
        return rows_of(self.files if files is None else files, self.schema, self._folder)

    def token(self, key: str) -> int:
        """Return the newest token that a commit of a partition carried; 0 for none."""
        return self.manifest.token(key)

    def note(self, key: str) -> Note | None:
        """Return what the newest commit of a partition has noted."""
        return self.manifest.note(key)

    def notes(self) -> Iterable[Note]:
        """Return what is noted of every partition."""
        found = (self.manifest.note(key) for key in self.manifest.notes)
        return [note for note in found if note is not None]
