"""Delta Lake tables: a log of commits, in which a partition's token and note travel with its rows."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.delta.library import installed, told
from airflow_ml_provider.stores.delta.snapshot import METADATA, DeltaSnapshot, application
from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.folder import Folder
from airflow_ml_provider.stores.lake.location import LakeLocation
from airflow_ml_provider.stores.lake.tables import Exchange, LakeTable
from airflow_ml_provider.stores.lake.types import Types

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = Types("Delta", time_of_day=False)
# A claim is long dead by then; without an end the log would keep every partition's token for ever.
_CONFIGURATION = {"delta.setTransactionRetentionDuration": "interval 365 days"}


class DeltaFormat:
    """Delta tables below a root."""

    def __init__(self, location: LakeLocation) -> None:
        self._location = location
        self._options = location.storage_options()

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a new table for such rows, as they are read from it later."""
        import pyarrow as pa

        fitted = _TYPES.stored(schema)
        return pa.schema(installed().Schema.from_arrow(fitted).to_arrow())

    def open(self, table: TableName) -> DeltaSnapshot | None:
        """Return a table as it is now; None when there is none."""
        library = installed()
        place = self._location.of(table)
        with told(place):
            try:
                handle = library.DeltaTable(place, storage_options=self._options)
            except library.exceptions.TableNotFoundError:
                return None
        return DeltaSnapshot(handle, self._folder(table))

    def _folder(self, table: TableName) -> Folder:
        return Folder(self._location.filesystem(), self._location.of(table))

    def bring(self, table: TableName, files: Sequence[Path]) -> list[DataFile]:
        """Put staged files beside those of the table; no commit names them yet."""
        return self._folder(table).bring(files)

    def discard(self, table: TableName, files: Sequence[DataFile]) -> None:
        """Delete files that no commit names."""
        self._folder(table).discard(files)

    def drop(self, table: TableName) -> None:
        """Delete a scratch table with all its files."""
        self._folder(table).drop()

    def close(self) -> None:
        """Nothing is open: each table is reached on its own."""

    def commit(self, table: TableName, seen: LakeTable | None, exchange: Exchange) -> None:
        """Commit, if the log has not grown since ``seen``."""
        with told(self._location.of(table)):
            if seen is None:
                self._create(table, exchange)
                return
            assert isinstance(seen, DeltaSnapshot)  # noqa: S101  a format is given its own tables
            seen.handle.create_write_transaction(
                [*_removed(seen, exchange), *_added(exchange)],
                "append",
                seen.handle.schema(),
                commit_properties=_properties(exchange),
            )

    def _create(self, table: TableName, exchange: Exchange) -> None:
        library = installed()
        library.transaction.create_table_with_add_actions(
            self._location.of(table),
            library.Schema.from_arrow(exchange.schema),
            _added(exchange),
            mode="error",
            configuration=_CONFIGURATION,
            storage_options=self._options,
            commit_properties=_properties(exchange),
        )


def _added(exchange: Exchange) -> list[Any]:
    library = installed()
    now = int(time.time() * 1000)
    return [
        library.transaction.AddAction(file.path, file.size, {}, now, True, _statistics(file))
        for file in exchange.added
    ]


def _removed(seen: DeltaSnapshot, exchange: Exchange) -> list[Any]:
    library = installed()
    now = int(time.time() * 1000)
    return [
        library.transaction.RemoveAction(seen.logged[file.path], True, now, file.size)
        for file in exchange.removed
    ]


def _statistics(file: DataFile) -> str:
    """Return what the log says of a file, so that readers may pass it over."""
    known = {name: bounds for name, bounds in file.bounds.items() if bounds.low is not None}
    return json.dumps(
        {
            "numRecords": file.rows,
            "minValues": {name: _plain(bounds.low) for name, bounds in known.items()},
            "maxValues": {name: _plain(bounds.high) for name, bounds in known.items()},
            "nullCount": {name: bounds.nulls for name, bounds in file.bounds.items()},
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return f"{text}Z" if value.tzinfo else text
    return value.isoformat() if isinstance(value, date) else value


def _properties(exchange: Exchange) -> Any:
    """Return what a commit carries: no second try of its own, the token, the note."""
    library = installed()
    if exchange.note is None:
        return library.CommitProperties(max_commit_retries=0)
    note = exchange.note
    return library.CommitProperties(
        custom_metadata={METADATA: note.text()},
        max_commit_retries=0,
        app_transactions=[library.Transaction(application(note.key), note.token)],
    )
