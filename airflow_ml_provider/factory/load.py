"""Load: the two lines of Python that put YAML into the Dags folder."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.factory.build import build_dags, dag_of
from airflow_ml_provider.factory.kept import recipes_of
from airflow_ml_provider.factory.origins import Origins
from airflow_ml_provider.factory.shelf import Shelf
from airflow_ml_provider.spec.inputs import Look

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.spec import System

log = logging.getLogger(__name__)


def load_pipelines(
    namespace: MutableMapping[str, Any],
    *systems: str | Path | System,
    base: str | Path | None = None,
) -> None:
    """
    Put the Dags of systems into ``namespace``, which is the caller's ``globals()``.

    A system is the path of its YAML file, or was made in Python. Paths are relative to the calling
    file, or to ``base``. Where Airflow runs one task it names the Dag, and only that one is built.
    A single faulty file is an import error; among several, it becomes a Dag named
    ``airflow_ml.invalid.<file>`` that shows the faults, since an error would take the good ones
    with it.

    The calling file has to hold the word "dag" somewhere, in a comment for instance: Airflow passes
    over a file without it and says nothing.

    :raises SpecError: when the only file is faulty, with every fault of it.
    :raises ConfigurationError: when no path is given, or two files make the same Dag.
    """
    if not systems:
        msg = "load_pipelines was given no file. Write: load_pipelines(globals(), 'system.yaml')"
        raise ConfigurationError(msg)
    caller = Path(namespace.get("__file__", ""))
    source = _Source(Path(base) if base is not None else caller.parent, caller.name, systems)
    only = _asked_for()
    for dag in source.one(only) or source.every(only):
        namespace[dag.dag_id] = dag


def _asked_for() -> str | None:
    from airflow.sdk import get_parsing_context

    return get_parsing_context().dag_id


class _Source:
    """The systems of one call: YAML files, and what was made in Python in the calling file."""

    def __init__(self, folder: Path, caller: str, systems: Sequence[str | Path | System]) -> None:
        self.folder = folder
        self.systems = systems
        files = [str(each) if isinstance(each, str | Path) else caller for each in systems]
        self.files = files
        self.shelf = Shelf.of_airflow()
        self.look = Look()
        self.origins = Origins(self.shelf, os.path.abspath(folder), files)  # noqa: PTH100

    def one(self, dag_id: str | None) -> list[DAG]:
        """Return the Dag with this id, when the file that made it last still does."""
        if dag_id is None or len(self.files) == 1:
            return []
        number = self.origins.find(dag_id)
        try:
            return [] if number is None else self._dags(number, dag_id)
        except ConfigurationError:
            return []  # is told by whoever looks into all files

    def every(self, only: str | None) -> list[DAG]:
        """Return the Dags of all files, or the one called ``only`` with what hides others."""
        made: dict[str, DAG] = {}
        origin: dict[str, int] = {}
        for number, file in enumerate(self.files):
            for dag in self._told(number, only):
                if dag.dag_id in origin:
                    raise ConfigurationError(_twice(dag, self.files[origin[dag.dag_id]], file))
                made[dag.dag_id], origin[dag.dag_id] = dag, number
        if only is None and len(self.files) > 1:
            self.origins.keep(origin)
        return list(made.values())

    def _told(self, number: int, only: str | None) -> list[DAG]:
        try:
            return self._dags(number, only)
        except ConfigurationError as error:
            if len(self.files) == 1:
                raise
            log.error("%s", error)  # noqa: TRY400  the message is the whole story
            return [_invalid(Path(self.files[number]), error)]

    def _dags(self, number: int, only: str | None) -> list[DAG]:
        path, system = self.folder / self.files[number], self.systems[number]
        if not isinstance(system, str | Path):
            from airflow_ml_provider.factory.world import airflows_world
            from airflow_ml_provider.spec import assembled

            return build_dags(assembled(system, path, airflows_world()), only=only)
        found = recipes_of(path, only=only, shelf=self.shelf, look=self.look)
        return [dag_of(recipe) for recipe in found]


def _twice(dag: DAG, first: str, second: str) -> str:
    return (
        f"Dag {dag.dag_id!r} is made by {Path(first).name} and by {Path(second).name}. "
        "Give one of the systems another name."
    )


def _invalid(path: Path, error: ConfigurationError) -> DAG:
    from airflow.sdk import DAG

    name = re.sub(r"[^\w.-]", "_", path.stem)
    return DAG(
        f"airflow_ml.invalid.{name}",
        schedule=None,
        tags=["invalid"],
        doc_md=f"{path.name} cannot be loaded:\n\n```\n{error}\n```",
    )
