"""Load: the two lines of Python that put YAML into the Dags folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.factory.imported import Imported, import_system
from airflow_ml_provider.factory.world import airflows_world
from airflow_ml_provider.spec import Fault, SpecError, System

if TYPE_CHECKING:
    from airflow.sdk import DAG

log = logging.getLogger(__name__)


def load_pipelines(
    namespace: MutableMapping[str, Any],
    *systems: str | Path | System,
    base: str | Path | None = None,
    only: str | None = None,
) -> None:
    """
    Put the Dags of systems into ``namespace``, which is the caller's ``globals()``.

    A system is the path of its YAML file, or was made in Python. Paths are relative to the calling
    file, or to ``base``. ``only`` names the one Dag that is wanted, as the stubs of
    ``airflow-ml compile`` do. Where Airflow runs one task it names the Dag, and only that one is
    built.

    A single faulty file is an import error. Among several it becomes a Dag named
    ``airflow_ml.invalid.<file>`` that shows the faults, since an import error would take the good
    ones with it: Airflow marks every Dag of a file that has one as stale.

    The calling file has to hold the word "dag" somewhere, in a comment for instance: Airflow passes
    over a file without it and says nothing.

    :raises SpecError: when the only file is faulty, with every fault of it.
    :raises ConfigurationError: when no path is given, or no file has the Dag ``only``.
    """
    if not systems:
        msg = "load_pipelines was given no file. Write: load_pipelines(globals(), 'system.yaml')"
        raise ConfigurationError(msg)
    asked, world = _asked_for(), airflows_world()
    if only is not None and asked not in {None, only}:
        return
    caller = Path(namespace.get("__file__", ""))
    folder = Path(base) if base is not None else caller.parent
    files = [folder / (caller.name if isinstance(each, System) else each) for each in systems]
    read = [
        import_system(each if isinstance(each, System) else path, path, world, only=only or asked)
        for each, path in zip(systems, files, strict=True)
    ]
    found = list(_told_apart(read))
    if len(found) == 1 and found[0].faults:
        raise SpecError(found[0].faults)
    dags = [dag for each in found for dag in _dags(each, folder)]
    if only is not None and not dags:
        raise ConfigurationError(_gone(only, files))
    for dag in dags:
        namespace[dag.dag_id] = dag


def _asked_for() -> str | None:
    from airflow.sdk import get_parsing_context

    return get_parsing_context().dag_id


def _told_apart(found: Sequence[Imported]) -> Iterator[Imported]:
    """Yield what was found; a file that makes a Dag of an earlier one is faulty."""
    origin: dict[str, Path] = {}
    for each in found:
        twice = [dag.dag_id for dag in each.dags if dag.dag_id in origin]
        if twice:
            message = f"the Dag {twice[0]} is made by {origin[twice[0]]} already"
            hint = "Give one of the two systems, or one of the two pipelines, another name."
            yield replace(each, dags=(), faults=(Fault(each.path, 1, 1, message, hint),))
            continue
        origin |= {dag.dag_id: each.path for dag in each.dags}
        yield each


def _dags(found: Imported, folder: Path) -> Sequence[DAG]:
    if not found.faults:
        return found.dags
    error = SpecError(found.faults)
    log.error("%s", error)
    return [_invalid(found.path, folder, error)]


def _invalid(path: Path, folder: Path, error: SpecError) -> DAG:
    from airflow.sdk import DAG

    place = Path(relpath(path, folder)).with_suffix("").as_posix()
    return DAG(
        f"airflow_ml.invalid.{re.sub(r'[^0-9A-Za-z_-]+', '.', place).strip('.')}",
        schedule=None,
        tags=["invalid"],
        description=error.faults[0].message,
        doc_md=f"{path.name} cannot be loaded:\n\n```\n{error}\n```",
    )


def _gone(only: str, files: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in files)
    return (
        f"{names} makes no Dag {only!r}, so this file makes none. When the pipeline was removed "
        "or renamed, run 'airflow-ml compile', which removes this file, too."
    )
