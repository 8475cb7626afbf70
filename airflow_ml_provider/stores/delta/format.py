"""Delta Lake tables: a log of commits, in which a partition's token and note travel with its rows."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import ConflictError
from airflow_ml_provider.stores.delta.errors import installed, told
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

    def widened(self, seen: LakeTable, new: pa.Schema) -> pa.Schema:
        """Return the columns of a table together with new ones."""
        import pyarrow as pa

        return pa.schema([*seen.schema, *self.stored(new)])

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

    def orphans(self, table: TableName, before: datetime) -> list[DataFile]:
        """Return files that nothing in the log names, which dead attempts have brought."""
        seen = self.open(table)
        if seen is None:
            return []
        folder = self._folder(table)
        unknown = [f for f in folder.written_before(before) if f.path not in seen.logged]
        for text in folder.texts("_delta_log", ".json") if unknown else ():
            named = _named(text)
            unknown = [file for file in unknown if file.path not in named]
        return unknown

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
            new = _new_columns(seen, exchange)
            if new and exchange.removed:
                _widened(table, seen, new)
                new = []
            seen.handle.create_write_transaction(
                [*_removed(seen, exchange), *_added(exchange)],
                # In the mode 'append' the library leaves the columns of the table as they are;
                # in the other one it takes files away by a filter, which here none passes.
                "overwrite" if new else "append",
                installed().Schema([*seen.handle.schema().fields, *new]),
                partition_filters=[(seen.schema.names[0], "in", [])] if new else None,
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


def _new_columns(seen: DeltaSnapshot, exchange: Exchange) -> list[Any]:
    """Return the columns that a table gains, as its log will have them."""
    import pyarrow as pa

    known = seen.schema.names
    new = pa.schema([field for field in exchange.schema if field.name not in known])
    return list(installed().Schema.from_arrow(new).fields)


def _widened(table: TableName, seen: DeltaSnapshot, new: Sequence[Any]) -> None:
    """
    Add empty columns in a commit of their own: the library does not do it where files go.

    :raises ConflictError: when others have committed since the table was seen.
    """
    before = seen.handle.version()
    seen.handle.alter.add_columns(list(new), commit_properties=_uncontested())
    if seen.handle.version() != before + 1:
        msg = f"Others have committed to {table} while it was given {len(new)} columns."
        raise ConflictError(msg)


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


def _named(commit: str) -> set[str]:
    """Return the files that a commit of the log adds or removes."""
    actions = [json.loads(line) for line in commit.splitlines() if line.strip()]
    facts = [action[kind] for action in actions for kind in ("add", "remove") if kind in action]
    return {unquote(fact["path"]) for fact in facts}


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
        return _uncontested()
    note = exchange.note
    return library.CommitProperties(
        custom_metadata={METADATA: note.text()},
        max_commit_retries=0,
        app_transactions=[library.Transaction(application(note.key), note.token)],
    )


def _uncontested() -> Any:
    return installed().CommitProperties(max_commit_retries=0)
