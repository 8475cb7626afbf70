"""Load: the two lines of Python that put YAML into the Dags folder."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
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

    from airflow_ml_provider.spec import Fault, System

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
    asked = _asked_for()
    if only is not None and asked not in {None, only}:
        return
    caller = Path(namespace.get("__file__", ""))
    source = _Source(Path(base) if base is not None else caller.parent, caller.name, systems)
    dags = source.one(only or asked) or source.every(only or asked)
    if only is not None and not dags:
        raise ConfigurationError(_gone(only, source.files))
    for dag in dags:
        namespace[dag.dag_id] = dag


def _asked_for() -> str | None:
    from airflow.sdk import get_parsing_context

    return get_parsing_context().dag_id


def _variable(name: str) -> str | None:
    # Imported here: few systems ask for one, and each task start would pay for it.
    from airflow_ml_provider.factory.world import airflows_variable

    return airflows_variable(name)


class _Found:
    """What one system came to: its Dags, or every fault of it."""

    def __init__(
        self, number: int, path: Path, dags: Sequence[DAG] = (), faults: Sequence[Fault] = ()
    ) -> None:
        self.number = number
        self.path = path
        self.dags = dags
        self.faults = faults


class _Source:
    """The systems of one call: YAML files, and what was made in Python in the calling file."""

    def __init__(self, folder: Path, caller: str, systems: Sequence[str | Path | System]) -> None:
        self.folder = folder
        self.systems = systems
        files = [str(each) if isinstance(each, str | Path) else caller for each in systems]
        self.files = files
        self.shelf = Shelf.of_airflow()
        self.look = Look(_variable)
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
        """
        Return the Dags of all files, or the one called ``only``, and one for each faulty file.

        :raises SpecError: when the only file is faulty.
        """
        found = list(_told_apart(self._found(number, only) for number in range(len(self.files))))
        if len(found) == 1 and found[0].faults:
            from airflow_ml_provider.spec import SpecError

            raise SpecError(tuple(found[0].faults))
        if only is None and len(found) > 1:
            self.origins.keep({dag.dag_id: each.number for each in found for dag in each.dags})
        return [dag for each in found for dag in each.dags or _invalid(each, self.folder)]

    def _found(self, number: int, only: str | None) -> _Found:
        path = self.folder / self.files[number]
        try:
            return _Found(number, path, self._dags(number, only))
        except ConfigurationError as error:
            from airflow_ml_provider.spec import SpecError

            if not isinstance(error, SpecError):
                raise
            return _Found(number, path, faults=error.faults)

    def _dags(self, number: int, only: str | None) -> list[DAG]:
        path, system = self.folder / self.files[number], self.systems[number]
        if not isinstance(system, str | Path):
            from airflow_ml_provider.factory.world import airflows_world
            from airflow_ml_provider.spec import assembled

            return build_dags(assembled(system, path, airflows_world()), only=only)
        found = recipes_of(path, only=only, shelf=self.shelf, look=self.look)
        return [dag_of(recipe) for recipe in found]


def _told_apart(found: Iterable[_Found]) -> Iterator[_Found]:
    """Yield what was found; a file that makes a Dag of an earlier one is faulty."""
    origin: dict[str, Path] = {}
    for each in found:
        twice = [dag.dag_id for dag in each.dags if dag.dag_id in origin]
        if twice:
            from airflow_ml_provider.spec import Fault

            message = f"the Dag {twice[0]} is made by {origin[twice[0]]} already"
            hint = "Give one of the two systems, or one of the two pipelines, another name."
            yield _Found(each.number, each.path, faults=[Fault(each.path, 1, 1, message, hint)])
            continue
        origin |= {dag.dag_id: each.path for dag in each.dags}
        yield each


def _invalid(found: _Found, folder: Path) -> Iterator[DAG]:
    """Yield a Dag that shows the faults of a file, if there are any."""
    if not found.faults:
        return
    from airflow.sdk import DAG

    from airflow_ml_provider.spec import SpecError

    error = SpecError(tuple(found.faults))
    log.error("%s", error)
    place = Path(os.path.relpath(found.path, folder)).with_suffix("").as_posix()
    yield DAG(
        f"airflow_ml.invalid.{re.sub(r'[^0-9A-Za-z_-]+', '.', place).strip('.')}",
        schedule=None,
        tags=["invalid"],
        description=found.faults[0].message,
        doc_md=f"{found.path.name} cannot be loaded:\n\n```\n{error}\n```",
    )


def _gone(only: str, files: Sequence[str]) -> str:
    names = ", ".join(Path(file).name for file in files)
    return (
        f"{names} makes no Dag {only!r}, so this file makes none. When the pipeline was removed "
        "or renamed, run 'airflow-ml compile', which removes this file, too."
    )
