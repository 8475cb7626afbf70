"""Where a lake is: its root, how an object store is reached, and where its ledger rests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.table import TableName

if TYPE_CHECKING:
    import pyarrow.fs as pa_fs

_OPTIONS = ("endpoint_url", "region", "session_token")
_LEDGER = ("ledger_kind", "ledger_location")
_CATALOG = ("catalog_kind", "catalog_location")
_OTHERS = (*_LEDGER, *_CATALOG, "stage")
_LONGEST = 120
_DEFAULT_SCHEMA = "main"


@dataclass(frozen=True, slots=True)
class LakeLocation:
    """
    A folder, or ``s3://bucket/prefix`` with what it takes to get there.

    ``options`` are ``endpoint_url``, ``region``, ``access_key_id``, ``secret_access_key`` and
    ``session_token``; those that are not given are found as the AWS libraries find them.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    ledger: tuple[str, str] | None = field(default=None, repr=False)
    stage: Path | None = None
    catalog: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> LakeLocation:
        """
        Read a path, or a URI such as ``s3://key:secret@bucket/prefix?endpoint_url=http%3A…``.

        :raises ConfigurationError: for an unknown scheme or parameter, or a URI without a bucket.
        """
        if "://" not in text:
            return cls(_usable(str(Path(text).absolute())))
        uri = urlsplit(text)
        given = dict(parse_qsl(uri.query, keep_blank_values=True))
        unknown = sorted(set(given) - {*_OPTIONS, *_OTHERS})
        if (
            uri.scheme not in {"file", "s3"}
            or unknown
            or (uri.scheme == "s3" and not uri.hostname)
        ):
            wrong = f"parameter {unknown[0]!r}" if unknown else f"scheme {uri.scheme!r}"
            msg = (
                f"A lake cannot be at this location ({wrong}). Name a folder, or s3://bucket/prefix "
                f"with any of the parameters {', '.join((*_OPTIONS, *_OTHERS))}."
            )
            raise ConfigurationError(msg)
        options = {name: given[name] for name in _OPTIONS if name in given}
        if uri.username:
            options["access_key_id"] = unquote(uri.username)
        if uri.password:
            options["secret_access_key"] = unquote(uri.password)
        ledger, catalog = (_pair(given, names) for names in (_LEDGER, _CATALOG))
        stage = Path(given["stage"]).absolute() if "stage" in given else None
        if uri.scheme == "file":
            root = _usable(str(Path(unquote(uri.path)).absolute()))
            return cls(root, {}, ledger, stage, catalog)
        bucket = uri.netloc.rpartition("@")[2]
        root = _usable(f"s3://{bucket}{unquote(uri.path).rstrip('/')}")
        return cls(root, options, ledger, stage, catalog)

    @property
    def folder(self) -> Path | None:
        """The root as a folder of this machine; None in an object store."""
        return None if self.root.startswith("s3://") else Path(self.root)

    def of(self, table: TableName) -> str:
        """Return where a table is; names without a schema are in ``main``, as in DuckDB."""
        return f"{self.root}/{_plain(table.schema or _DEFAULT_SCHEMA)}/{_plain(table.name)}"

    def filesystem(self) -> pa_fs.FileSystem:
        """Return what reads and writes below the root; its paths have no scheme."""
        import pyarrow.fs as pa_fs

        if self.folder is not None:
            return pa_fs.LocalFileSystem()
        return pa_fs.S3FileSystem(**_pyarrow_options(self.options))

    def storage_options(self) -> dict[str, str]:
        """Return the options of an object store as Rust's object_store calls them."""
        named = {f"aws_{name}": value for name, value in self.options.items()}
        if self.options.get("endpoint_url", "").startswith("http:"):
            named["aws_allow_http"] = "true"
        return named


def _pair(given: Mapping[str, str], names: tuple[str, str]) -> tuple[str, str] | None:
    kind, location = names
    return (given[kind], given[location]) if kind in given and location in given else None


def without_scheme(place: str) -> str:
    """Return a place as pyarrow's file systems call it."""
    return re.sub(r"^\w+://", "", place)


def _usable(root: str) -> str:
    if "%" in root or "\\" in root:
        msg = (
            f"A lake cannot be at {root}: the libraries that write it read '%' and '\\' in a "
            "path as something else. Choose another folder."
        )
        raise ConfigurationError(msg)
    return root


def _plain(name: str) -> str:
    """
    Return a name as part of a path that needs no quoting anywhere.

    Letters, digits and inner underscores stay; other bytes are written ``-2f``. Engines overlook
    folders that begin with an underscore or a dot. A long name ends in its hash.
    """
    escaped = re.sub(
        rb"[^A-Za-z0-9_]|^_", lambda found: b"-" + found[0].hex().encode(), name.encode()
    )
    plain = escaped.decode()
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[:_LONGEST]}--{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _pyarrow_options(options: Mapping[str, str]) -> dict[str, Any]:
    renamed = {
        "access_key_id": "access_key",
        "secret_access_key": "secret_key",
        "session_token": "session_token",
        "region": "region",
    }
    chosen: dict[str, Any] = {
        theirs: options[ours] for ours, theirs in renamed.items() if ours in options
    }
    endpoint = options.get("endpoint_url")
    if endpoint:
        scheme, _, host = endpoint.partition("://")
        chosen |= {"scheme": scheme, "endpoint_override": host}
    return chosen
