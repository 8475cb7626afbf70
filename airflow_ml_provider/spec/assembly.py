"""An assembly: a system made in Python, checked and completed as a file would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airflow_ml_provider.spec.document import Document, read_document
from airflow_ml_provider.spec.fault import SpecError
from airflow_ml_provider.spec.inheritance import Layered
from airflow_ml_provider.spec.loaded import LoadedSystem
from airflow_ml_provider.spec.loader import completed
from airflow_ml_provider.spec.system import System, dump
from airflow_ml_provider.spec.world import World


def assembled(system: System, path: str | Path, world: World | None = None) -> LoadedSystem:
    """
    Return ``system`` with the SQL of the files beside ``path``, which is where it was made.

    It says all: no ``defaults.yaml`` is looked for, and what its models looked up stays.

    :raises SpecError: with every fault, each pointing into the system as YAML would say it.
    """
    path, world = Path(path), world or World()
    value = system.model_dump(mode="json", exclude_defaults=True)
    try:
        return completed(Layered(Document(path, "", value), value=value), world)
    except SpecError:
        # Only now is the text worth its while: the writer of YAML is slow.
        document = read_document(path, dump(system))
    try:
        return completed(Layered(document, value=document.value), world)
    except SpecError as error:
        shown = Path(f"{path} as YAML")
        raise SpecError(replace(fault, path=shown) for fault in error.faults) from None
