"""Iceberg tables: snapshots in a catalog, in which a partition's token and note travel with its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.iceberg.catalog import address, opened
from airflow_ml_provider.stores.iceberg.columns import as_iceberg, stored, widened
from airflow_ml_provider.stores.iceberg.errors import installed, told
from airflow_ml_provider.stores.iceberg.snapshot import IcebergSnapshot
from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.folder import Folder
from airflow_ml_provider.stores.lake.location import LakeLocation
from airflow_ml_provider.stores.lake.tables import Exchange, LakeTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile as Entry

_DEFAULT_SCHEMA = "main"
_BELOW = "data/"
# Each commit writes the metadata anew, with all snapshots: of the old files the last hundred stay.
_PROPERTIES = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
}


class IcebergFormat:
    """Iceberg tables of one catalog; new ones are made below the root of the lake."""

    def __init__(self, location: LakeLocation) -> None:
        address(location)
        self._location = location
        self._folders: dict[TableName, Folder] = {}
        self._manifests: defaultdict[TableName, dict[str, list[Entry]]] = defaultdict(dict)

    @cached_property
    def _catalog(self) -> Catalog:
        installed()
        with told(self._location.root):
            return opened(self._location)

    def close(self) -> None:
        """Close the connections of the catalog."""
        if "_catalog" in self.__dict__:
            self._catalog.close()

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a new table for such rows, as they are read from it later."""
        return stored(schema)

    def widened(self, seen: LakeTable, new: pa.Schema) -> pa.Schema:
        """Return the columns of a table together with new ones, each under its number."""
        assert isinstance(seen, IcebergSnapshot)  # noqa: S101  a format is given its own tables
        return widened(seen.handle, new)

    def open(self, table: TableName) -> IcebergSnapshot | None:
        """Return a table as it is now; None when there is none."""
        missing = installed().exceptions
        with told(self._location.of(table)):
            try:
                handle = self._catalog.load_table(_identifier(table))
            except (missing.NoSuchTableError, missing.NoSuchNamespaceError):
                self._folders.pop(table, None)
                return None
        seen = IcebergSnapshot(handle, self._manifests[table])
        self._folders[table] = seen.folder
        return seen

    def _folder(self, table: TableName) -> Folder:
        """Return the folder of a table: where it was seen to be, else where it will be made."""
        made = Folder(self._location.filesystem(), self._location.of(table))
        return self._folders.get(table, made)

    def bring(self, table: TableName, files: Sequence[Path]) -> list[DataFile]:
        """Put staged files beside those of the table; no snapshot names them yet."""
        return self._folder(table).bring(files, _BELOW)

    def discard(self, table: TableName, files: Sequence[DataFile]) -> None:
        """Delete files that no snapshot names."""
        self._folder(table).discard(files)

    def orphans(self, table: TableName, before: datetime) -> list[DataFile]:
        """Return data files that no snapshot names, and that were written before."""
        seen = self.open(table)
        old = [] if seen is None else seen.folder.written_before(before, _BELOW)
        # Read anew: what was committed meanwhile is named by now.
        now = self.open(table) if old else None
        named = set() if now is None else now.named()
        return [file for file in old if now is not None and file.path not in named]

    def drop(self, table: TableName) -> None:
        """Delete a scratch table with all its files."""
        seen = self.open(table)
        if seen is not None:
            with told(self._location.of(table)):
                self._catalog.drop_table(_identifier(table))
        self._folder(table).drop()

    def commit(self, table: TableName, seen: LakeTable | None, exchange: Exchange) -> None:
        """Commit, if the catalog has the table as it was ``seen``."""
        from airflow_ml_provider.stores.iceberg.exchange import exchanged

        with told(self._location.of(table)):
            if seen is None:
                self._create(table, exchange)
                return
            assert isinstance(seen, IcebergSnapshot)  # noqa: S101  a format is given its own tables
            exchanged(seen, exchange)

    def _create(self, table: TableName, exchange: Exchange) -> None:
        from airflow_ml_provider.stores.iceberg.exchange import first

        schema, place = as_iceberg(exchange.schema), self._location.of(table)
        self._make_namespace(_identifier(table)[:1])
        transaction = self._catalog.create_table_transaction(
            _identifier(table), schema, place, properties=_PROPERTIES
        )
        made = transaction.table_metadata
        if made.schema() != schema or made.location.rstrip("/") != place:
            msg = (
                f"The catalog makes Iceberg table {table} with other columns or at another place "
                f"({made.location}) than it was asked for. Nothing was written. Make the table "
                "in the catalog yourself; then it is written where it is."
            )
            raise ConfigurationError(msg)
        first(transaction, place, exchange)

    def _make_namespace(self, name: tuple[str, ...]) -> None:
        try:
            self._catalog.create_namespace_if_not_exists(name)
        except Exception:
            # Another process may have made it at the same moment.
            if not self._catalog.namespace_exists(name):
                raise


def _identifier(table: TableName) -> tuple[str, str]:
    """Return the name in the catalog; names without a schema are in ``main``, as in DuckDB."""
    return table.schema or _DEFAULT_SCHEMA, table.name
