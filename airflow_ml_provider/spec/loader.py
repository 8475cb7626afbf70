"""The loader: a YAML file, and the SQL beside it, become a system; or every fault is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.spec.consistency import SECTIONS, Complaint, complaints
from airflow_ml_provider.spec.document import read_document
from airflow_ml_provider.spec.fault import Fault, SpecError, did_you_mean
from airflow_ml_provider.spec.inheritance import Layered, layered
from airflow_ml_provider.spec.sql import SqlFileError, read_select, read_text, unreadable
from airflow_ml_provider.spec.system import System

_REQUIRED = {"system": "unnamed", "owner": "nobody", "start": "2000-01-01"}


@dataclass(frozen=True, slots=True)
class LoadedSystem:
    """
    A valid system with the text of its SQL files, by feature name.

    ``path`` is the YAML, ``inherited`` every file up the tree whose defaults it takes.
    """

    system: System
    path: Path
    sql: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that was read: when none of them changed, neither did the system."""
        folder = self.path.parent
        named = (feature.sql for feature in self.system.features.values() if feature.sql)
        queries = (folder / name for name in dict.fromkeys(named))
        return (self.path, *queries, *self.inherited)

    @property
    def fingerprint(self) -> str:
        """A hash of what was said, blind to comments, layout and the order of keys."""
        return fingerprint([self.system.model_dump(mode="json"), dict(self.sql)])


def load(path: str | Path) -> LoadedSystem:
    """
    Read, validate and cross-check the YAML file at ``path``.

    :raises SpecError: with every fault of the file.
    """
    path = Path(path)
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise SpecError([_unreadable(path, error)]) from error
    document = layered(read_document(path, text))
    system, faults = _validated(document)
    sql, sql_faults = _sql(document, system) if system is not None else ({}, [])
    faults += sql_faults
    if faults or system is None:
        raise SpecError(faults)
    return LoadedSystem(system, path, sql, tuple(each.path for each in document.inherited))


def parse(text: str, path: str | Path = "system.yaml") -> System:
    """
    Read a system from YAML ``text``; SQL files are not looked at, defaults up the tree are.

    :raises SpecError: with every fault of the text.
    """
    system, faults = _validated(layered(read_document(Path(path), text)))
    if faults or system is None:
        raise SpecError(faults)
    return system


def _unreadable(path: Path, error: OSError | ValueError) -> Fault:
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return Fault(path, line, 1, "the file is not UTF-8 text", "Save it as UTF-8.")
    if isinstance(error, FileNotFoundError):
        hint = did_you_mean(path.name, sorted(p.name for p in _siblings(path)))
        return Fault(path, 1, 1, "there is no such file", hint)
    return Fault(path, 1, 1, f"the file cannot be read: {unreadable(error)}")


def _siblings(path: Path) -> list[Path]:
    try:
        return [each for each in path.parent.iterdir() if each.suffix == path.suffix]
    except (OSError, ValueError):
        return []


def _validated(document: Layered) -> tuple[System | None, list[Fault]]:
    """Return the system (of what is valid in it) and every fault that was found."""
    faults = list(document.faults)
    if document.unreadable:
        return None, faults
    if not isinstance(document.value, dict):
        hint = "Begin with 'system: <name>'."
        message = "the file must be a mapping of keys"
        return None, [*faults, document.fault_at((), message, hint)]
    try:
        system = System.model_validate(document.value)
    except ValidationError as error:
        # Imported here: a file without faults needs none of it.
        from airflow_ml_provider.spec.explanation import explanations

        faults += explanations(document, System, error)
        remainder = _without(document.value, error)
        try:
            system = System.model_validate(remainder)
        except ValidationError:
            return None, faults
    declared = {section: _keys(document.value.get(section)) for section in SECTIONS}
    faults += [_placed(document, each) for each in complaints(system, declared)]
    return system, faults


def _keys(value: object) -> frozenset[str]:
    return frozenset(value) if isinstance(value, dict) else frozenset()


def _placed(document: Layered, complaint: Complaint) -> Fault:
    where = ".".join(str(step) for step in complaint.loc[:2] if isinstance(step, str))
    return document.fault_at(
        complaint.loc, f"{where}: {complaint.message}", complaint.hint, at_key=complaint.at_key
    )


def _without(value: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    """Return ``value`` without the entries that are faulty, so that the rest can be checked."""
    rest = {key: dict(part) if isinstance(part, dict) else part for key, part in value.items()}
    for each in error.errors():
        loc = each["loc"]
        top = str(loc[0]) if loc else ""
        if top in SECTIONS and len(loc) > 1 and isinstance(rest.get(top), dict):
            rest[top].pop(str(loc[1]), None)
        else:
            rest.pop(top, None)
    return {**{key: stand_in for key, stand_in in _REQUIRED.items() if key not in rest}, **rest}


def _sql(document: Layered, system: System) -> tuple[dict[str, str], list[Fault]]:
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for name, feature in system.features.items():
        if feature.sql is None:
            continue
        loc = ("features", name, "sql")
        try:
            texts[name] = read_select(document.path.parent, feature.sql)
        except SqlFileError as error:
            faults.append(document.fault_at(loc, f"features.{name}: {error}", error.hint))
    return texts, faults
