"""Scaffolding: the files of a new system, small and whole, from which one's own is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from airflow_ml_provider.domain.errors import ConfigurationError

_FILES = {
    "system.yaml.in": "NAME.yaml",
    "daily_spend.sql.in": "NAME_daily_spend.sql",
    "system.py.in": "NAME.py",
    "ml/__init__.py.in": "NAME_ml/__init__.py",
    "ml/training.py.in": "NAME_ml/training.py",
    "ml/inference.py.in": "NAME_ml/inference.py",
    "ml/sample.py.in": "NAME_ml/sample.py",
    "tests/test_system.py.in": "tests/test_NAME.py",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 30


def scaffold(name: str) -> Mapping[PurePosixPath, str]:
    """
    Return the text of each file of a new system called ``name``, by its path.

    :raises ConfigurationError: when ``name`` cannot be the name of a system.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        msg = (
            f"{name!r} cannot name a system. Write a letter first, then lower-case letters, digits "
            f"and single underscores, {_LONGEST} at most, such as flights."
        )
        raise ConfigurationError(msg)
    folder = files("airflow_ml_provider.spec") / "scaffold"
    return {
        PurePosixPath(path.replace("NAME", name)): _text(folder, template).replace("NAME", name)
        for template, path in _FILES.items()
    }


def _text(folder: Traversable, template: str) -> str:
    return folder.joinpath(*template.split("/")).read_text(encoding="utf-8")
