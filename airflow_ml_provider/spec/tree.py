"""A tree: the folder and the files below it, among which systems find each other by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from airflow_ml_provider.spec.document import MAX_BYTES
from airflow_ml_provider.spec.folder import DEFAULTS_FILE, yaml_files, yaml_names
from airflow_ml_provider.spec.inheritance import ROOT
from airflow_ml_provider.spec.inputs import note_file, note_folder

_OURS = re.compile(r"^(system|sources|features|training|inference|profiles)\s*:", re.MULTILINE)
_SYSTEM = re.compile(r"^system\s*:\s*['\"]?([\w.-]+)", re.MULTILINE)
_ROOT = re.compile(rf"^{ROOT}\s*:\s*true\b", re.MULTILINE | re.IGNORECASE)


def root_of(path: Path) -> Path:
    """
    Return the folder in which a file looks for other systems.

    It is the nearest folder up the tree with a ``defaults.yaml`` that says ``root: true``, else the
    folder of the file itself.
    """
    own = path.absolute().parent
    for folder in (own, *own.parents):
        if _ROOT.search(_text(folder / DEFAULTS_FILE)):
            return folder
    return own


def files_of(system: str, root: Path) -> Iterator[Path]:
    """
    Yield the files below ``root`` that declare ``system``, those called like it first.

    No file is parsed for it: its line ``system: name`` is searched for, and the search ends when
    the caller has what it wants.
    """
    names = yaml_names(os.fspath(root))
    note_folder(root, names)
    every = [root / name for name in names]
    likely = [path for path in every if path.stem == system]
    for path in dict.fromkeys((*likely, *every)):
        if system_of(path) == system:
            yield path


def systems_below(root: Path) -> tuple[str, ...]:
    """Return the names of all systems below ``root``."""
    found = (system_of(path) for path in yaml_files(root))
    return tuple(sorted({name for name in found if name}))


def is_ours(path: Path) -> bool:
    """Return whether a file has at least two of the keys that a system has at its top."""
    return len({match[1] for match in _OURS.finditer(_text(path))}) > 1


def system_of(path: Path) -> str | None:
    """Return the name of the system that a file declares, or None when it declares none."""
    found = _SYSTEM.search(_text(path))
    return found[1] if found else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
    except OSError:
        note_file(path, None)
        return ""
    note_file(path, content)
    return content.decode("utf-8-sig", errors="replace")
