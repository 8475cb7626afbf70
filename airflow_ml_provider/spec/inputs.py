"""Inputs: all that a system was read from, so that one look tells whether it would be the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from pathlib import Path

Inputs = Mapping[tuple[str, str], str]
"""What was seen, by kind and name: a hash, or ``ABSENT`` where nothing was there."""

FILE, FOLDER, ENVIRONMENT, VARIABLE = "file", "folder", "env", "var"
ABSENT = ""

_noted: ContextVar[dict[tuple[str, str], str] | None] = ContextVar("noted", default=None)


@contextmanager
def noted() -> Iterator[Inputs]:
    """Collect every input that is read in the body."""
    found: dict[tuple[str, str], str] = {}
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def note_file(path: Path, content: bytes | None) -> None:
    """Note a file by the very bytes that were read; None: it was looked for and is not there."""
    _note(FILE, os.path.abspath(path), content)  # noqa: PTH100  a Path takes ten times as long


def note_folder(folder: Path, names: Iterable[str]) -> None:
    """Note the names of the YAML files below a folder."""
    place = os.path.abspath(folder)  # noqa: PTH100  a Path takes ten times as long
    _note(FOLDER, place, _joined(names))


def note_environment(name: str, value: str | None) -> None:
    """Note a variable of the environment; None: it is not set."""
    _note(ENVIRONMENT, name, _encoded(value))


def note_variable(name: str, value: str | None) -> None:
    """Note an Airflow Variable; None: there is none."""
    _note(VARIABLE, name, _encoded(value))


def note_elsewhere(name: str) -> None:
    """Note what nobody can look at again from here: what depends on it is made every time."""
    _note("elsewhere", name, None)


class Look:
    """
    One look at the world, in which nothing is looked at twice.

    Contents are compared, not times of change: two edits may share a tick of the clock, a checkout
    may carry one time for all of its files, and a clock may be set back. ``variable`` returns the
    value of an Airflow Variable, or None; left out, Variables count as changed.
    """

    def __init__(self, variable: Callable[[str], str | None] | None = None) -> None:
        self._variable = variable
        self._seen: dict[tuple[str, str], str | None] = {}

    def again(self) -> Look:
        """Return another look, which sees what has changed since."""
        return Look(self._variable)

    def unchanged(self, inputs: Iterable[Sequence[str]]) -> bool:
        """
        Whether every input (kind, name, hash) is what it was.

        A kind that cannot be looked at from here counts as changed.
        """
        return all(self._now(kind, name) == hashed for kind, name, hashed in inputs)

    def _now(self, kind: str, name: str) -> str | None:
        key = (kind, name)
        if key not in self._seen:
            self._seen[key] = self._looked(kind, name)
        return self._seen[key]

    def _looked(self, kind: str, name: str) -> str | None:
        if kind == VARIABLE and self._variable is not None:
            return _hash(_encoded(self._variable(name)))
        return _NOW[kind](name) if kind in _NOW else None


def _note(kind: str, name: str, content: bytes | None) -> None:
    found = _noted.get()
    if found is not None:
        # What was read first counts: an input that changed while it was read is noted as older.
        found.setdefault((kind, name), _hash(content))


def _hash(content: bytes | None) -> str:
    return ABSENT if content is None else blake2b(content, digest_size=16).hexdigest()


def _file(name: str) -> str | None:
    try:
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123  a Path takes ten times as long
            return _hash(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except OSError:
        return None


def _folder(name: str) -> str:
    from airflow_ml_provider.spec.folder import yaml_names

    return _hash(_joined(yaml_names(name)))


def _joined(names: Iterable[str]) -> bytes:
    return os.fsencode("\0".join(names))


def _environment(name: str) -> str:
    return _hash(_encoded(os.environ.get(name)))


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else os.fsencode(value)


_NOW: Mapping[str, Callable[[str], str | None]] = {
    FILE: _file,
    FOLDER: _folder,
    ENVIRONMENT: _environment,
}
