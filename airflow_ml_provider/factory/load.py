"""Load: the two lines of Python that put YAML into the Dags folder."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.factory.world import airflows_world
from airflow_ml_provider.spec import SpecError, System, World, load

if TYPE_CHECKING:
    from airflow.sdk import DAG

log = logging.getLogger(__name__)


def load_pipelines(
    namespace: MutableMapping[str, Any],
    *systems: str | Path | System,
    base: str | Path | None = None,
) -> None:
    """
    Put the Dags of systems into ``namespace``, which is the caller's ``globals()``.

    A system is the path of its YAML file, or was made in Python. Paths are relative to the calling file, or to ``base``. Where Airflow runs one task it names the
    Dag, and only that one is built. A single faulty file is an import error; among several, it
    becomes a Dag named ``airflow_ml.invalid.<file>`` that shows the faults, since an error would
    take the good ones with it.

    The calling file has to hold the word "dag" somewhere, in a comment for instance: Airflow passes
    over a file without it and says nothing.

    :raises SpecError: when the only file is faulty, with every fault of it.
    :raises ConfigurationError: when no path is given, or two files make the same Dag.
    """
    from airflow.sdk import get_parsing_context

    if not systems:
        msg = "load_pipelines was given no file. Write: load_pipelines(globals(), 'system.yaml')"
        raise ConfigurationError(msg)
    only, world = get_parsing_context().dag_id, airflows_world()
    caller = Path(namespace.get("__file__", ""))
    folder = Path(base) if base is not None else caller.parent
    origin: dict[str, Path] = {}
    for system in systems:
        path = folder / (caller.name if isinstance(system, System) else system)
        for dag in _dags(system, path, world, only, alone=len(systems) == 1):
            _register(namespace, dag, path, origin)


def _dags(
    system: str | Path | System, path: Path, world: World, only: str | None, *, alone: bool
) -> list[DAG]:
    try:
        if isinstance(system, System):
            from airflow_ml_provider.spec import assembled

            return build_dags(assembled(system, path, world), only=only)
        return build_dags(load(path, world), only=only)
    except SpecError as error:
        if alone:
            raise
        log.error("%s", error)  # noqa: TRY400  the message is the whole story
        return [_invalid(path, error)]


def _register(
    namespace: MutableMapping[str, Any], dag: DAG, path: Path, origin: dict[str, Path]
) -> None:
    if dag.dag_id in origin:
        msg = (
            f"Dag {dag.dag_id!r} is made by {origin[dag.dag_id].name} and by {path.name}. "
            "Give one of the systems another name."
        )
        raise ConfigurationError(msg)
    origin[dag.dag_id] = path
    namespace[dag.dag_id] = dag


def _invalid(path: Path, error: SpecError) -> DAG:
    from airflow.sdk import DAG

    name = re.sub(r"[^\w.-]", "_", path.stem)
    return DAG(
        f"airflow_ml.invalid.{name}",
        schedule=None,
        tags=["invalid"],
        doc_md=f"{path.name} cannot be loaded:\n\n```\n{error}\n```",
    )
