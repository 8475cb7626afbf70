"""An Iceberg table at one snapshot: its columns, files, tokens and notes, as its metadata has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.stores.iceberg.columns import as_arrow, steady, value_of
from airflow_ml_provider.stores.iceberg.errors import told
from airflow_ml_provider.stores.lake.files import Bounds, DataFile, ordered
from airflow_ml_provider.stores.lake.folder import Folder
from airflow_ml_provider.stores.lake.notes import Note
from airflow_ml_provider.stores.lake.rows import rows_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile as Entry, ManifestFile
    from pyiceberg.table import Table

NOTE = "airflow_ml"
TOKEN = "airflow-ml.token."  # noqa: S105  the number of a claim, not a secret
_NEWEST_WRITTEN = 2


class IcebergSnapshot:
    """
    An Iceberg table as its metadata was at one moment.

    ``known`` are the entries of manifests that were read before; a manifest never changes.
    """

    def __init__(self, handle: Table, known: dict[str, list[Entry]]) -> None:
        self.handle = handle
        self._known = known

    @property
    def version(self) -> str:
        """The file of the metadata, of which every commit writes another."""
        return self.handle.metadata_location

    @cached_property
    def folder(self) -> Folder:
        """The folder of the table."""
        return folder_of(self.handle)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns, with their numbers."""
        return as_arrow(self.handle.schema())

    @cached_property
    def files(self) -> list[DataFile]:
        """The data files, with what the manifests know of their columns."""
        return [self._file(path, entry) for path, entry in self.logged.items()]

    @cached_property
    def logged(self) -> Mapping[str, Entry]:
        """The data files as the manifests have them, by their paths below the table."""
        listed = {manifest.manifest_path: manifest for manifest in self._manifests(deletes=False)}
        with told(self.handle.location()):
            for path in listed.keys() - self._known.keys():
                read = listed[path].fetch_manifest_entry(self.handle.io)
                self._known[path] = [entry.data_file for entry in read]
        for path in self._known.keys() - listed.keys():
            del self._known[path]
        entries = (entry for path in listed for entry in self._known[path])
        return {self._below(entry.file_path): entry for entry in entries}

    def named(self) -> set[str]:
        """Return the files that any snapshot names which nobody has expired."""
        io = self.handle.io
        with told(self.handle.location()):
            return {
                self._below(entry.data_file.file_path)
                for snapshot in self.handle.snapshots()
                for manifest in snapshot.manifests(io)
                for entry in manifest.fetch_manifest_entry(io, discard_deleted=False)
            }

    def _manifests(self, *, deletes: bool) -> list[ManifestFile]:
        from pyiceberg.manifest import ManifestContent

        wanted = ManifestContent.DELETES if deletes else ManifestContent.DATA
        return [
            manifest
            for manifest in self._listed
            if manifest.content == wanted
            and (manifest.has_added_files() or manifest.has_existing_files())
        ]

    @cached_property
    def _listed(self) -> list[ManifestFile]:
        current = self.handle.current_snapshot()
        with told(self.handle.location()):
            return [] if current is None else current.manifests(self.handle.io)

    def _below(self, path: str) -> str:
        """Return the path below the table; a file elsewhere keeps its whole path."""
        return _plain_path(path).removeprefix(f"{self.folder.path}/")

    def _file(self, path: str, entry: Entry) -> DataFile:
        known = {field.name: self._bounds(entry, field) for field in self.schema}
        return DataFile(
            path,
            entry.record_count,
            entry.file_size_in_bytes,
            {name: bounds for name, bounds in known.items() if bounds is not None},
            self._constants(entry),
        )

    def _bounds(self, entry: Entry, field: pa.Field) -> Bounds | None:
        number = self.handle.schema().find_field(field.name).field_id
        nulls = (entry.null_value_counts or {}).get(number)
        if nulls is None or not ordered(field.type):
            return None
        low, high = (
            self._value((bounds or {}).get(number), number, field.type)
            for bounds in (entry.lower_bounds, entry.upper_bounds)
        )
        return Bounds(low, high, nulls)

    def _value(self, raw: bytes | None, number: int, kind: Any) -> Any:
        from pyiceberg.conversions import from_bytes
        from pyiceberg.types import PrimitiveType

        field = self.handle.schema().find_type(number)
        if raw is None or not isinstance(field, PrimitiveType):
            return None
        return value_of(from_bytes(field, raw), kind)

    def _constants(self, entry: Entry) -> dict[str, Any]:
        """Return the columns by whose values files are apart: they need not be in the files."""
        from pyiceberg.transforms import IdentityTransform

        found: dict[str, Any] = {}
        schema = self.handle.schema()
        for place, part in enumerate(self.handle.specs()[entry.spec_id].fields):
            name = str(schema.find_column_name(part.source_id))
            if name in self.schema.names and isinstance(part.transform, IdentityTransform):
                found[name] = value_of(entry.partition[place], self.schema.field(name).type)
        return found

    def dataset(self, files: Sequence[DataFile] | None = None) -> Any:
        """
        Return the rows (of some files) as a pyarrow dataset; in odd cases as a stream.

        :raises ConfigurationError: when rows are deleted in a way that the library cannot read.
        """
        if self._odd:
            return self._stream(files)
        return rows_of(self.files if files is None else files, self.schema, self.folder)

    @cached_property
    def _odd(self) -> bool:
        """Whether rows are more than what files below the table have under the columns' names."""
        return (
            bool(self._manifests(deletes=True))
            or not steady(list(self.handle.schemas().values()))
            or any(entry.file_format != "PARQUET" for entry in self.logged.values())
            or any(path == _plain_path(entry.file_path) for path, entry in self.logged.items())
        )

    def _stream(self, files: Sequence[DataFile] | None) -> pa.RecordBatchReader:
        import pyarrow as pa
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan

        self._refuse_what_we_cannot_read()
        wanted = None if files is None else {file.path for file in files}
        handle, names = self.handle, self.schema.names
        with told(handle.location()):
            tasks = [
                task
                for task in handle.scan().plan_files()
                if wanted is None or self._below(task.file.file_path) in wanted
            ]
        scan = ArrowScan(handle.metadata, handle.io, handle.schema(), AlwaysTrue())
        batches = (
            _cast(batch.select(names), self.schema)
            for task in tasks
            for batch in scan.to_record_batches([task])
        )
        return pa.RecordBatchReader.from_batches(self.schema, batches)

    def _refuse_what_we_cannot_read(self) -> None:
        from pyiceberg.manifest import DataFileContent

        for manifest in self._manifests(deletes=True):
            for entry in manifest.fetch_manifest_entry(self.handle.io):
                if entry.data_file.content is DataFileContent.EQUALITY_DELETES:
                    msg = (
                        f"The Iceberg table at {self.handle.location()} has rows that were "
                        "deleted by equality, which is not read from here. Compact the table "
                        "first (rewrite_data_files), with the engine that wrote it."
                    )
                    raise ConfigurationError(msg)

    def token(self, key: str) -> int:
        """Return the newest token that a commit of a partition carried; 0 for none."""
        return int(self.handle.properties.get(f"{TOKEN}{key}", "0").partition(" ")[0])

    def note(self, key: str) -> Note | None:
        """Return what the commit of the newest token of a partition has noted."""
        token = self.token(key)
        found = (note for note in self._noted() if (note.key, note.token) == (key, token))
        return next(found, None)

    def notes(self) -> Iterable[Note]:
        """Return the newest note of every partition whose snapshot nobody has expired."""
        newest: dict[str, Note] = {}
        for note in self._noted():
            newest.setdefault(note.key, note)
        return newest.values()

    def _noted(self) -> Iterator[Note]:
        """Yield notes, the newest first."""
        for snapshot in reversed(self.handle.snapshots()):
            text = None if snapshot.summary is None else snapshot.summary.get(NOTE)
            if text is not None:
                yield Note.read(text)

    @cached_property
    def hindrances(self) -> Sequence[str]:
        """What stands in the way of exchanging whole files of the table."""
        return [*self._hindrances()]

    def _hindrances(self) -> Iterator[str]:
        table = self.handle
        if table.format_version > _NEWEST_WRITTEN:
            yield f"version {table.format_version} of the format"
        for part in table.spec().fields:
            column = table.schema().find_column_name(part.source_id)
            yield f"partitions by {part.transform}({column})"
        if self._manifests(deletes=True):
            yield "deletes of single rows (merge-on-read)"
        yield from {
            f"data files of format {entry.file_format}"
            for entry in self.logged.values()
            if entry.file_format != "PARQUET"
        }


def folder_of(handle: Table) -> Folder:
    """Return the folder of a table, reached as its catalog says."""
    from pyiceberg.io.pyarrow import PyArrowFileIO

    place = handle.location().rstrip("/")
    io = handle.io
    assert isinstance(io, PyArrowFileIO)  # noqa: S101  the catalog was told to use no other
    scheme, host, path = io.parse_location(place)
    return Folder(io.fs_by_scheme(scheme, host), path if scheme == "file" else place)


def _plain_path(place: str) -> str:
    from pyiceberg.io.pyarrow import PyArrowFileIO

    return PyArrowFileIO.parse_location(place)[2]


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [batch.column(field.name).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
