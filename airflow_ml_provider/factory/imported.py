"""Imported: what one YAML file comes to: its Dags, its faults with their places, what was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.spec import Fault, LoadedSystem, SpecError, System, World, load

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


def import_system(
    system: Path | System, path: Path, world: World, *, only: str | None = None
) -> Imported:
    """
    Return what a system comes to; of its Dags, the one called ``only``.

    It is the YAML file at ``path``, or was made in Python by the file at ``path``.
    """
    try:
        loaded = _loaded(system, path, world)
    except SpecError as error:
        return Imported(path, faults=error.faults, read=(path,))
    return Imported(path, tuple(build_dags(loaded, only=only)), read=loaded.files)


def _loaded(system: Path | System, path: Path, world: World) -> LoadedSystem:
    if not isinstance(system, System):
        return load(system, world)
    from airflow_ml_provider.spec import assembled

    return assembled(system, path, world)
