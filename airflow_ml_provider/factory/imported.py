"""Imported: what one YAML file comes to: its Dags, its faults with their places, what was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.spec import Fault, SpecError, load

if TYPE_CHECKING:
    from airflow.sdk import DAG


@dataclass(frozen=True, slots=True)
class Imported:
    """
    The Dags of a file, or every fault of it; never both.

    ``read``: the files that were looked at. While none of them changes, neither does the rest.
    """

    path: Path
    dags: tuple[DAG, ...] = ()
    faults: tuple[Fault, ...] = ()
    read: tuple[Path, ...] = ()


def import_system(path: Path, *, only: str | None = None) -> Imported:
    """Return what the YAML file at ``path`` comes to; of its Dags, the one called ``only``."""
    try:
        loaded = load(path)
    except SpecError as error:
        return Imported(path, faults=error.faults, read=(path,))
    return Imported(path, tuple(build_dags(loaded, only=only)), read=loaded.files)
