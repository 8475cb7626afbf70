"""The conversion: a file of dag-factory becomes ours, Dag by Dag."""

from __future__ import annotations

from pathlib import Path

from airflow_ml_provider.spec.dagfactory.work import Conversion, Work, name_of
from airflow_ml_provider.spec.document import Document, read_document
from airflow_ml_provider.spec.fault import Fault, SpecError
from airflow_ml_provider.spec.sql import read_text, unreadable


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
    defaults = said.get("default")
    shared = defaults if isinstance(defaults, dict) else {}
    work = Work(document, name_of(path.stem), shared)
    for name in said.keys() - dags.keys() - {"default"}:
        work.note((name,), f"{name}: is no Dag, since it has no tasks", "", at_key=True)
    for name, dag in dags.items():
        work.take_dag(name, dag)
    return work.done()


def _read(path: Path) -> Document:
    try:
        return read_document(path, read_text(path))
    except (OSError, ValueError) as error:
        message = f"the file cannot be read: {unreadable(error)}"
        raise SpecError([Fault(path, 1, 1, message)]) from error
