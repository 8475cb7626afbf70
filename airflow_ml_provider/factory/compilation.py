"""A compilation: the Dag file of each pipeline, against the Dag files that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath, relpath
from pathlib import Path

from airflow_ml_provider.spec import LoadedSystem
from airflow_ml_provider.spec.catalog import pipelines

_MARK = re.compile(
    r'\A"""The Dag (?P<dag>\S+), written by airflow-ml compile from (?P<file>[^\n]+)\.$',
    re.MULTILINE,
)
# The words "airflow" and "dag" are in it, without which Airflow passes over a file.
_STUB = '''\
"""The Dag {dag}, written by airflow-ml compile from {file}.

Change the YAML, and not this file. When a pipeline was added, removed or renamed, run airflow-ml
compile again.
"""

from __future__ import annotations

from airflow_ml_provider import load_pipelines

load_pipelines(globals(), {quoted}, only="{dag}")
'''


@dataclass(frozen=True, slots=True)
class Stub:
    """A stub: its file, its text, and the YAML that it comes from."""

    path: Path
    text: str
    yaml: Path


@dataclass(frozen=True, slots=True)
class Compilation:
    """
    What is to be done to the stubs of a folder, and what stands in the way.

    ``taken``: files of somebody else where a stub has to be; ``loaders``: Dag files of somebody
    else that load the same YAML, so that every Dag would be made twice.
    """

    added: tuple[Stub, ...] = ()
    changed: tuple[Stub, ...] = ()
    stale: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    taken: tuple[Path, ...] = ()
    loaders: tuple[Path, ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether the stubs are what they must be."""
        return not (self.added or self.changed or self.stale or self.taken or self.loaders)


def stubs(systems: Iterable[LoadedSystem], into: Path | None = None) -> Iterator[Stub]:
    """Yield a stub for each pipeline, in the folder ``into`` or beside its YAML."""
    for loaded in systems:
        folder = _absolute(into or loaded.path.parent)
        file = _from(folder, loaded.path)
        for pipeline in pipelines(loaded):
            name = pipeline.name
            text = _STUB.format(dag=name, file=file, quoted=json.dumps(file))
            # Names hold single underscores, so no two Dags share a file.
            yield Stub(folder / f"{name.replace('.', '__')}.py", text, _absolute(loaded.path))


def yaml_of(path: Path, text: str) -> Path | None:
    """Return the YAML of the stub ``text`` at ``path``; None for a file that we did not write."""
    found = _MARK.match(text)
    return _absolute(path.parent / found["file"]) if found else None


def compiled(
    wanted: Sequence[Stub], there: Mapping[Path, str], covered: Sequence[Path]
) -> Compilation:
    """
    Compare the stubs that are ``wanted`` with the Python files that are ``there``.

    A stub that nobody wants is deleted when its YAML is gone or is one of those ``covered``; the
    stubs of a YAML that was not looked at, or is faulty, stay.
    """
    old = {path: yaml for path, text in there.items() if (yaml := yaml_of(path, text))}
    others = {path: text for path, text in there.items() if path not in old}
    paths = {stub.path for stub in wanted}
    return Compilation(
        added=tuple(stub for stub in wanted if stub.path not in there),
        changed=tuple(s for s in wanted if s.path in old and there[s.path] != s.text),
        stale=tuple(p for p, y in old.items() if p not in paths and _unwanted(y, covered)),
        kept=tuple(stub.path for stub in wanted if there.get(stub.path) == stub.text),
        taken=tuple(stub.path for stub in wanted if stub.path in others),
        loaders=tuple(path for path, text in others.items() if _loads(text, wanted)),
    )


def _unwanted(yaml: Path, covered: Sequence[Path]) -> bool:
    return yaml in covered or not yaml.exists()


def _loads(text: str, wanted: Sequence[Stub]) -> bool:
    names = {re.escape(stub.yaml.name) for stub in wanted}
    call = rf"^load_pipelines\(.*[\"'/]({'|'.join(sorted(names))})[\"']"
    return bool(names) and re.search(call, text, re.MULTILINE) is not None


def _absolute(path: Path) -> Path:
    return Path(normpath(path.absolute()))


def _from(folder: Path, file: Path) -> str:
    return Path(relpath(_absolute(file), folder)).as_posix()
