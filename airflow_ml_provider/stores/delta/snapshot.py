"""A Delta table at one version: its columns, files, tokens and notes, as its log has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_ml_provider.stores.delta.errors import told
from airflow_ml_provider.stores.lake.files import Bounds, DataFile, ordered
from airflow_ml_provider.stores.lake.folder import Folder
from airflow_ml_provider.stores.lake.notes import Note
from airflow_ml_provider.stores.lake.rows import rows_of

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

METADATA = "airflow_ml"
_HISTORY = (20, 400, None)
_FACTS = {"path", "num_records", "size_bytes"}
_CONSTANT = "partition."
# Statistics in the log have milliseconds: a time may be later by what was cut off.
_CUT_OFF = timedelta(microseconds=999)
# Some writers shorten texts to so many letters, and then the highest is no bound.
_SHORTENED = 32
_FEATURES = frozenset(
    {
        "appendOnly",
        "changeDataFeed",
        "domainMetadata",
        "invariants",
        "timestampNtz",
        "v2Checkpoint",
    }
)
_SETTINGS = {"delta.appendOnly": "false", "delta.columnMapping.mode": "none"}


class DeltaSnapshot:
    """A Delta table at one version."""

    def __init__(self, handle: DeltaTable, folder: Folder) -> None:
        self.handle = handle
        self._folder = folder

    @property
    def version(self) -> str:
        """The version of the log."""
        return str(self.handle.version())

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns."""
        import pyarrow as pa

        return pa.schema(self.handle.schema().to_arrow())

    @cached_property
    def files(self) -> list[DataFile]:
        """The data files, with what the log knows of their columns."""
        import pyarrow as pa

        actions = pa.table(self.handle.get_add_actions(flatten=True))
        columns = [field.name for field in self.schema if ordered(field.type)]
        wanted = {f"{fact}.{name}" for fact in ("min", "max", "null_count") for name in columns}
        known = [
            name
            for name in actions.column_names
            if name in wanted | _FACTS or name.startswith(_CONSTANT)
        ]
        return [_file(action, columns) for action in actions.select(known).to_pylist()]

    @cached_property
    def logged(self) -> Mapping[str, str]:
        """The paths of files as the log writes them, which may be quoted."""
        import pyarrow as pa

        paths = pa.table(self.handle.get_add_actions())["path"].to_pylist()
        return {unquote(path): path for path in paths}

    def dataset(self, files: Sequence[DataFile] | None = None) -> Any:
        """
        Return the rows (of some files) as a pyarrow dataset; in odd cases as a stream.

        Not as the library's own dataset, which takes a bound that is missing for one that holds.
        """
        import pyarrow as pa

        if self._odd:
            with told(self._folder.place):
                return pa.RecordBatchReader.from_stream(self.handle.scan())
        return rows_of(self.files if files is None else files, self.schema, self._folder)

    @property
    def _odd(self) -> bool:
        """Whether rows are more than what is in the files."""
        features = set(self.handle.protocol().reader_features or ())
        mapped = self.handle.metadata().configuration.get("delta.columnMapping.mode", "none")
        return bool(features & {"columnMapping", "deletionVectors"}) or mapped != "none"

    def token(self, key: str) -> int:
        """Return the newest token that a commit of a partition carried; 0 for none."""
        return self.handle.transaction_version(application(key)) or 0

    def note(self, key: str) -> Note | None:
        """Return what the commit of the newest token of a partition has noted."""
        token = self.token(key)
        for limit in _HISTORY if token else ():
            for note in self._noted(limit):
                if (note.key, note.token) == (key, token):
                    return note
        return None

    def notes(self) -> Iterable[Note]:
        """Return the newest note of every partition that the log still has."""
        newest: dict[str, Note] = {}
        for note in self._noted(None):
            newest.setdefault(note.key, note)
        return newest.values()

    def _noted(self, limit: int | None) -> Iterator[Note]:
        with told(self._folder.place):
            commits = self.handle.history(limit)
        return (Note.read(commit[METADATA]) for commit in commits if METADATA in commit)

    @cached_property
    def hindrances(self) -> Sequence[str]:
        """What stands in the way of exchanging whole files of the table."""
        return [*_hindrances(self.handle)]


def _hindrances(handle: DeltaTable) -> Iterator[str]:
    """Yield what stands in the way of exchanging whole files of a table."""
    protocol, facts = handle.protocol(), handle.metadata()
    features = {*(protocol.reader_features or ()), *(protocol.writer_features or ())}
    yield from sorted(features - _FEATURES)
    yield from (f"partitions by {column!r}" for column in facts.partition_columns)
    for name, value in facts.configuration.items():
        if name.startswith("delta.constraints.") or _SETTINGS.get(name, value) != value:
            yield f"{name} = {value}"
    for column in handle.schema().fields:
        if any(name.startswith("delta.") for name in column.metadata):
            yield f"rules on column {column.name!r}"


def _file(action: Mapping[str, Any], columns: Sequence[str]) -> DataFile:
    bounds = {name: _bounds(action, name) for name in columns}
    return DataFile(
        unquote(action["path"]),
        action.get("num_records"),
        action["size_bytes"],
        {name: known for name, known in bounds.items() if known is not None},
        {
            name.removeprefix(_CONSTANT): value
            for name, value in action.items()
            if name.startswith(_CONSTANT)
        },
    )


def _bounds(action: Mapping[str, Any], name: str) -> Bounds | None:
    low, high = action.get(f"min.{name}"), action.get(f"max.{name}")
    nulls = action.get(f"null_count.{name}")
    if nulls is None:
        return None
    if isinstance(high, str) and len(high) >= _SHORTENED:
        low = high = None
    if isinstance(high, datetime):
        high += _CUT_OFF
    return Bounds(low, high, nulls)


def application(key: str) -> str:
    """Return the id under which the log keeps the newest token of a partition."""
    return f"airflow-ml:{key}"
