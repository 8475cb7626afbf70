"""A table format: what Delta, Parquet and Iceberg do differently, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.lake.files import DataFile
from airflow_ml_provider.stores.lake.notes import Note

if TYPE_CHECKING:
    import pyarrow as pa


class LakeTable(Protocol):
    """A table as it was at one moment: what later commits change is not seen here."""

    @property
    def version(self) -> str:
        """Which commit this is; every commit has another."""

    @property
    def schema(self) -> pa.Schema:
        """The columns."""

    @property
    def files(self) -> Sequence[DataFile]:
        """The data files."""

    @property
    def hindrances(self) -> Sequence[str]:
        """What stands in the way of exchanging whole files; empty for a plain table."""

    def dataset(self, files: Sequence[DataFile] | None = None) -> Any:
        """Return the rows (of some files) as something that DuckDB reads in a stream."""

    def token(self, key: str) -> int:
        """Return the newest token that a commit of a partition carried; 0 for none."""

    def note(self, key: str) -> Note | None:
        """Return what the newest commit of a partition has noted, if it is still kept."""

    def notes(self) -> Iterable[Note]:
        """Return what is noted of every partition."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one commit does: some files go, others come, and a partition's note is renewed."""

    schema: pa.Schema
    removed: Sequence[DataFile] = ()
    added: Sequence[DataFile] = ()
    note: Note | None = None


class LakeFormat(Protocol):
    """Tables of one format below one root."""

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """
        Return the columns of a new table for such rows, as they are read from it later.

        :raises SchemaMismatchError: for a type that the format does not have.
        """

    def widened(self, seen: LakeTable, new: pa.Schema) -> pa.Schema:
        """
        Return the columns of a table together with new ones, as they are read from it later.

        :raises SchemaMismatchError: for a type that the format does not have.
        """

    def open(self, table: TableName) -> LakeTable | None:
        """
        Return a table as it is now; None when there is none.

        :raises UnavailableError: when the store does not answer.
        """

    def bring(self, table: TableName, files: Sequence[Path]) -> list[DataFile]:
        """Put staged files where those of the table are. No reader knows of them yet."""

    def discard(self, table: TableName, files: Sequence[DataFile]) -> None:
        """Delete files that were brought and that no commit names, as well as it can."""

    def orphans(self, table: TableName, before: datetime) -> Sequence[DataFile]:
        """Return files that no commit names, not even one of old, and that were written before."""

    def commit(self, table: TableName, seen: LakeTable | None, exchange: Exchange) -> None:
        """
        Commit, if nothing at all was committed to the table since ``seen``.

        An error does not mean that nothing happened: look at the table to know.

        :raises ConflictError: when the table has moved on.
        :raises UnavailableError: when the store does not answer.
        """

    def drop(self, table: TableName) -> None:
        """Delete a scratch table with all its files; nothing happens when there is none."""

    def close(self) -> None:
        """Close what connections there are."""


def writable(table: TableName, seen: LakeTable) -> LakeTable:
    """
    Return a table whose files can be exchanged one by one.

    :raises SchemaMismatchError: for a table that another engine made in another way.
    """
    if seen.hindrances:
        msg = (
            f"Table {table} was made with {', '.join(seen.hindrances)}, which is not written from "
            "here. Nothing was written. Name another table; this one can be read."
        )
        raise SchemaMismatchError(msg)
    return seen
