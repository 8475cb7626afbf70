"""A manifest: all that a table is at one moment, as a numbered document beside its files."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.stores.lake.files import Bounds, DataFile
from airflow_ml_provider.stores.lake.notes import Note

if TYPE_CHECKING:
    import pyarrow as pa

_FORMAT = 1

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    The columns, the files by path, the newest note of each partition by key.

    ``condemned`` are files of no use to anybody who looks now, and the moment (seconds since 1970)
    from which they may be deleted. They never come back.
    """

    number: int
    schema: pa.Schema
    files: Mapping[str, Facts]
    notes: Mapping[str, Facts]
    condemned: Mapping[str, float]

    def file(self, path: str) -> DataFile:
        """Return what is known of a file."""
        facts = self.files[path]
        bounds = {
            name: _bounds(known, self.schema.field(name).type)
            for name, known in facts["bounds"].items()
        }
        return DataFile(path, facts["rows"], facts["bytes"], bounds, sha256=facts["sha256"])

    def token(self, key: str) -> int:
        """Return the claim of the newest commit of a partition; 0 for none."""
        facts = self.notes.get(key)
        return 0 if facts is None else int(facts["line"]["committed_token"])

    def note(self, key: str) -> Note | None:
        """Return what the newest commit of a partition has noted."""
        facts = self.notes.get(key)
        return None if facts is None else Note.read(json.dumps(facts))

    def content(self, now: float) -> bytes:
        """Return the document; ``columns`` and ``committed_at`` in it are for people."""
        document = {
            "format": _FORMAT,
            "number": self.number,
            "committed_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
            "columns": {field.name: str(field.type) for field in self.schema},
            "arrow_schema": b64encode(self.schema.serialize()).decode(),
            "files": self.files,
            "partitions": self.notes,
            "condemned": self.condemned,
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def read(cls, place: str, content: bytes) -> Manifest:
        """
        Return the manifest that a document is.

        :raises ConfigurationError: when a newer version of this package has written it.
        """
        import pyarrow as pa

        document = json.loads(content)
        if document["format"] != _FORMAT:
            msg = (
                f"{place} is of format {document['format']}, and this version reads format "
                f"{_FORMAT}. Install a newer version of airflow-ml-provider here."
            )
            raise ConfigurationError(msg)
        schema = pa.ipc.read_schema(pa.py_buffer(b64decode(document["arrow_schema"])))
        return cls(
            document["number"],
            schema,
            document["files"],
            document["partitions"],
            document["condemned"],
        )


def facts_of(file: DataFile) -> Facts:
    """Return what a manifest says of a file."""
    return {
        "rows": file.rows,
        "bytes": file.size,
        "sha256": file.sha256,
        "bounds": {
            name: {"low": _plain(known.low), "high": _plain(known.high), "nulls": known.nulls}
            for name, known in file.bounds.items()
        },
    }


def facts_in(note: Note) -> Facts:
    """Return what a manifest says of a partition."""
    facts: Facts = json.loads(note.text())
    return facts


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _bounds(known: Facts, kind: Any) -> Bounds:
    read = _reading(kind)
    low, high = known["low"], known["high"]
    return Bounds(low and read(low), high and read(high), known["nulls"])


def _reading(kind: Any) -> Callable[[Any], Any]:
    """Return what makes a value of a column's type of one in JSON."""
    from pyarrow import types

    if types.is_timestamp(kind):
        return datetime.fromisoformat
    return date.fromisoformat if types.is_date(kind) else _same


def _same(value: Any) -> Any:
    return value
