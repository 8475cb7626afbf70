"""The conversion: a file of dag-factory becomes ours, Dag by Dag."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from airflow_ml_provider.spec.dagfactory.work import Conversion, Layer, Work, name_of
from airflow_ml_provider.spec.document import Document, read_document
from airflow_ml_provider.spec.fault import Fault, SpecError
from airflow_ml_provider.spec.sql import read_text, unreadable

_DEFAULTS = ("defaults.yml", "defaults.yaml")


def convert(path: Path) -> Conversion:
    """
    Return our files for the dag-factory file at ``path``.

    :raises SpecError: when the file cannot be read, is no YAML, or has no Dag.
    """
    document = _read(path)
    said = document.value
    if document.unreadable or not isinstance(said, dict):
        raise SpecError(document.faults or [document.fault_at((), "the file must be a mapping")])
    dags = {
        name: dag
        for name, dag in said.items()
        if name != "default" and isinstance(dag, dict) and "tasks" in dag
    }
    if not dags:
        raise SpecError([document.fault_at((), "no Dag of dag-factory is in this file")])
    layers = [*_defaults_above(path), *_layers(document, said.get("default"), ("default",))]
    work = Work(document, name_of(path.stem), layers)
    for name in said.keys() - dags.keys() - {"default"}:
        work.note((name,), f"{name}: is no Dag, since it has no tasks", "", at_key=True)
    for name, dag in dags.items():
        work.take_dag(name, dag)
    return work.done()


def _defaults_above(path: Path) -> Iterator[Layer]:
    """Yield the files of defaults that dag-factory reads for a file, the one beside it last."""
    top = Path(os.environ.get("AIRFLOW__CORE__DAGS_FOLDER") or path.absolute().parent)
    folders = list(path.absolute().parents)
    within = folders[: folders.index(top) + 1] if top in folders else folders[:1]
    for folder in reversed(within):
        found = next((folder / name for name in _DEFAULTS if (folder / name).exists()), None)
        if found is not None:
            document = _read(found)
            if document.unreadable:
                raise SpecError(document.faults)
            yield from _layers(document, document.value, ())


def _layers(document: Document, said: object, loc: tuple[str, ...]) -> list[Layer]:
    return [Layer(document, loc, said)] if isinstance(said, dict) else []


def _read(path: Path) -> Document:
    try:
        return read_document(path, read_text(path))
    except (OSError, ValueError) as error:
        message = f"the file cannot be read: {unreadable(error)}"
        raise SpecError([Fault(path, 1, 1, message)]) from error
