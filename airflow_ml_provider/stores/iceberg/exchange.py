"""An exchange of files in an Iceberg table: one snapshot, tried once, on the table that was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.conversions import to_bytes
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import (
    DataFile as Entry,
    DataFileContent,
    FileFormat,
    ManifestFile,
)
from pyiceberg.table import (
    CommitTableResponse,
    Table,
    TableProperties,
    Transaction,
)
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    AssertCurrentSchemaId,
    AssertDefaultSpecId,
    TableRequirement,
    TableUpdate,
)
from pyiceberg.table.update.snapshot import (
    _MergeAppendFiles,
    _OverwriteFiles,
)
from pyiceberg.typedef import Record
from pyiceberg.types import PrimitiveType
from pyiceberg.utils.truncate import truncate_upper_bound_text_string

from airflow_ml_provider.stores.iceberg.columns import gained
from airflow_ml_provider.stores.iceberg.snapshot import NOTE, TOKEN, IcebergSnapshot
from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.notes import Note
from airflow_ml_provider.stores.lake.tables import Exchange

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata

_LETTERS = 16
# A claim is long dead by then; without an end the table would keep every token for ever.
_KEEP = timedelta(days=365)


class _OneSnapshot(_OverwriteFiles, _MergeAppendFiles):
    """
    Files go and others come in one snapshot; manifests that became many are packed.

    The library's own overwrite makes two snapshots, and keeps the manifests of what is gone.
    """

    def _existing_manifests(self) -> list[ManifestFile]:
        found = super()._existing_manifests()
        return [one for one in found if one.has_added_files() or one.has_existing_files()]


class _Exchanging(Transaction):
    """A transaction that looks at its metadata without copying all of it each time."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._known = (0, table.metadata)

    @property
    def table_metadata(self) -> TableMetadata:
        """The metadata with the updates so far."""
        if self._known[0] != len(self._updates):
            self._known = len(self._updates), super().table_metadata
        return self._known[1]


class _Once:
    """
    A catalog that is asked once to commit, and only to the table that was seen.

    An answer that was lost on its way may come back as a conflict: the snapshot tells.
    """

    def __init__(self, catalog: Catalog, seen: Table) -> None:
        self._catalog = catalog
        self._unchanged = (
            AssertCurrentSchemaId.model_validate({"current-schema-id": seen.schema().schema_id}),
            AssertDefaultSpecId.model_validate({"default-spec-id": seen.spec().spec_id}),
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        """Commit, if the table has the snapshot, the columns and the partitions that were seen."""
        try:
            return self._catalog.commit_table(table, (*requirements, *self._unchanged), updates)
        except CommitFailedException:
            now = self._catalog.load_table(table.name())
            mine = [one.snapshot for one in updates if isinstance(one, AddSnapshotUpdate)]
            if not all(now.snapshot_by_id(one.snapshot_id) for one in mine):
                raise
            return CommitTableResponse.model_validate(
                {"metadata": now.metadata, "metadata-location": now.metadata_location}
            )


def exchanged(seen: IcebergSnapshot, exchange: Exchange) -> None:
    """Commit an exchange to a table."""
    table = _once(seen.handle)
    transaction = _Exchanging(table)
    _widen(transaction, seen, exchange)
    schema = transaction.table_metadata.schema()
    snapshot = _OneSnapshot(
        _operation(exchange), transaction, table.io, snapshot_properties=_noted(exchange)
    )
    for file in exchange.removed:
        snapshot.delete_data_file(seen.logged[file.path])
    for file in exchange.added:
        snapshot.append_data_file(_entry(file, table.location(), schema))
    snapshot.commit()
    _remember(transaction, exchange.note)
    transaction.commit_transaction()


def _widen(transaction: Transaction, seen: IcebergSnapshot, exchange: Exchange) -> None:
    """Add the columns that the table does not have yet; the snapshot comes with them."""
    known = seen.schema.names
    new = [field for field in exchange.schema if field.name not in known]
    if new:
        update = transaction.update_schema()
        gained(update, pa.schema(new))
        update.commit()


def first(transaction: Transaction, location: str, exchange: Exchange) -> None:
    """Commit a table together with its first files."""
    schema = transaction.table_metadata.schema()
    snapshot = transaction.update_snapshot(snapshot_properties=_noted(exchange)).fast_append()
    for file in exchange.added:
        snapshot.append_data_file(_entry(file, location, schema))
    snapshot.commit()
    _remember(transaction, exchange.note)
    transaction.commit_transaction()


def _once(table: Table) -> Table:
    """Return a handle of a table with which the library tries no second time by itself."""
    once = {TableProperties.COMMIT_NUM_RETRIES: "0"}
    return Table(
        table.name(),
        table.metadata.model_copy(update={"properties": {**table.properties, **once}}),
        table.metadata_location,
        table.io,
        _Once(table.catalog, table),  # type: ignore[arg-type]
    )


def _operation(exchange: Exchange) -> Operation:
    if not exchange.removed:
        return Operation.APPEND
    return Operation.OVERWRITE if exchange.added else Operation.DELETE


def _noted(exchange: Exchange) -> dict[str, str]:
    return {} if exchange.note is None else {NOTE: exchange.note.text()}


def _remember(transaction: Transaction, note: Note | None) -> None:
    """Let the table keep the token of a partition, longer than its snapshots are kept."""
    moment = None if note is None else note.line.committed_at
    if note is None or moment is None:
        return
    today = moment.date()
    old = [*_forgotten(transaction.table_metadata.properties, today - _KEEP)]
    if old:
        transaction.remove_properties(*old)
    transaction.set_properties({f"{TOKEN}{note.key}": f"{note.token} {today.isoformat()}"})


def _forgotten(properties: Mapping[str, str], before: date) -> Iterator[str]:
    for name, value in properties.items():
        if name.startswith(TOKEN) and date.fromisoformat(value.partition(" ")[2]) < before:
            yield name


def _entry(file: DataFile, location: str, schema: Schema) -> Entry:
    """Return what a manifest says of a file, so that readers may pass it over."""
    known = {
        schema.find_field(name).field_id: (schema.find_type(name), bounds)
        for name, bounds in file.bounds.items()
    }
    bounded = {
        number: (kind, bounds)
        for number, (kind, bounds) in known.items()
        if bounds.low is not None and isinstance(kind, PrimitiveType)
    }
    highs = {number: _high(kind, bounds.high) for number, (kind, bounds) in bounded.items()}
    return Entry.from_args(
        content=DataFileContent.DATA,
        file_path=f"{location.rstrip('/')}/{file.path}",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=file.rows,
        file_size_in_bytes=file.size,
        value_counts=dict.fromkeys(known, file.rows),
        null_value_counts={number: bounds.nulls for number, (_, bounds) in known.items()},
        lower_bounds={
            number: to_bytes(kind, _cut(bounds.low)) for number, (kind, bounds) in bounded.items()
        },
        upper_bounds={number: high for number, high in highs.items() if high is not None},
        spec_id=0,
    )


def _cut(value: Any) -> Any:
    return value[:_LETTERS] if isinstance(value, str) else value


def _high(kind: PrimitiveType, value: Any) -> bytes | None:
    if isinstance(value, str):
        value = truncate_upper_bound_text_string(value, _LETTERS)
    return None if value is None else to_bytes(kind, value)
