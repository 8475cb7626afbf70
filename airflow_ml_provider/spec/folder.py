"""A folder: the YAML files below it, by name alone."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULTS_FILE = "defaults.yaml"


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files below a folder, those of hidden folders and defaults left out."""
    return [folder / name for name in yaml_names(os.fspath(folder))]


def yaml_names(folder: str) -> list[str]:
    """Return the names of the same files, from ``folder`` on."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        # A hidden folder is a virtual environment, a cache or a repository, and none of ours.
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = os.path.relpath(place, folder)
        start = "" if below == "." else f"{below}/"
        found += [f"{start}{name}" for name in names if _is_yaml(name)]
    return sorted(found, key=lambda name: name.split("/"))


def _is_yaml(name: str) -> bool:
    hidden = name.startswith(".") or name == DEFAULTS_FILE
    return not hidden and name.endswith((".yaml", ".yml"))
