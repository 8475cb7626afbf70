"""The loader: a YAML file, and the SQL beside it, become a system; or every fault is told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from airflow_ml_provider.spec.consistency import SECTIONS, Complaint, complaints
from airflow_ml_provider.spec.document import read_document
from airflow_ml_provider.spec.fault import Fault, SpecError, did_you_mean, dotted
from airflow_ml_provider.spec.inheritance import MATRIX, Layered, layered
from airflow_ml_provider.spec.loaded import LoadedSystem
from airflow_ml_provider.spec.sql import SqlFileError, read_select, read_text, unread
from airflow_ml_provider.spec.system import System
from airflow_ml_provider.spec.version import unknown_version
from airflow_ml_provider.spec.world import World

_READERS = ("training", "inference")
_REQUIRED = {"system": "unnamed", "owner": "nobody", "start": "2000-01-01"}


def load(path: str | Path, world: World | None = None) -> LoadedSystem:
    """
    Read, validate and cross-check the YAML file at ``path``, in the ``world`` where it is read.

    :raises SpecError: with every fault of the file.
    """
    world = world or World()
    return completed(understood(Path(path), _text(Path(path)), world), world)


def completed(document: Layered, world: World) -> LoadedSystem:
    """
    Return the system of a document with its SQL, and the systems whose features it reads.

    :raises SpecError: with every fault of the document.
    """
    system, others, faults = _validated(document, world)
    sql, sql_faults = _sql(document, system) if system is not None else ({}, [])
    faults += sql_faults
    if faults or system is None:
        raise SpecError(faults)
    inherited = tuple(each.path for each in document.inherited)
    return LoadedSystem(system, document.path, sql, inherited, document.profiles, others)


def understood(path: Path, text: str, world: World) -> Layered:
    """Return YAML ``text`` with its profile, all that it inherits and every matrix expanded."""
    document = read_document(path, text)
    strange = unknown_version(document)
    if strange is not None:
        document.faults, document.unreadable = [strange], True
        return Layered(document, faults=[strange])
    found = layered(document, world)
    if any(MATRIX in each.text for each in (document, *found.inherited)):
        # Imported here, as is all that a plain file has no use for: each task start pays for it.
        from airflow_ml_provider.spec.matrix import expand

        expand(found)
    return found


def parse(text: str, path: str | Path = "system.yaml", world: World | None = None) -> System:
    """
    Read a system from YAML ``text``; SQL files are not looked at, defaults up the tree are.

    :raises SpecError: with every fault of the text.
    """
    world = world or World()
    system, _, faults = _validated(understood(Path(path), text, world), world)
    if faults or system is None:
        raise SpecError(faults)
    return system


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        raise SpecError([_unreadable(path, error)]) from error


def _unreadable(path: Path, error: OSError | ValueError) -> Fault:
    if isinstance(error, FileNotFoundError):
        hint = did_you_mean(path.name, sorted(p.name for p in _siblings(path)))
        return Fault(path, 1, 1, "there is no such file", hint)
    return unread(path, error)


def _siblings(path: Path) -> list[Path]:
    try:
        return [each for each in path.parent.iterdir() if each.suffix == path.suffix]
    except (OSError, ValueError):
        return []


def _validated(
    document: Layered, world: World
) -> tuple[System | None, Mapping[str, LoadedSystem], list[Fault]]:
    """Return the system (of what is valid in it), those beside it, and every fault found."""
    system, faults = _read(document, world)
    if system is None or not isinstance(document.value, dict):
        return None, {}, faults
    others, absent = _others(document, system, world)
    declared = _declared(document.value)
    beside = {name: other.system for name, other in others.items()}
    disagreements = complaints(system, declared, beside)
    faults += [*absent, *(_placed(document, each) for each in disagreements)]
    return system, others, _each_once(faults) if document.moved else faults


def _read(document: Layered, world: World) -> tuple[System | None, list[Fault]]:
    faults = list(document.faults)
    if document.unreadable:
        return None, faults
    if not isinstance(document.value, dict):
        hint = "Begin with 'system: <name>'."
        message = "the file must be a mapping of keys"
        return None, [*faults, document.fault_at((), message, hint)]
    try:
        return _system(document.value, world), faults
    except ValidationError as error:
        # Imported here: a file without faults needs none of it.
        from airflow_ml_provider.spec.explanation import explanations

        faults += explanations(document, System, error)
        remainder = _without(document.value, error)
    try:
        return _system(remainder, world), faults
    except ValidationError:
        return None, faults


def _system(value: Mapping[str, Any], world: World) -> System:
    # A file has one word for each key; the names of fields are for Python.
    return System.model_validate(value, context=world, by_alias=True, by_name=False)


def _others(
    document: Layered, system: System, world: World
) -> tuple[Mapping[str, LoadedSystem], list[Fault]]:
    trained = (name for each in system.training.values() for name in each.features)
    scored = (name for each in system.inference.values() for name in each.features)
    if not any("." in name for name in (*trained, *scored)):
        return {}, []
    from airflow_ml_provider.spec.neighbours import Neighbourhood

    return Neighbourhood(document, system, partial(_alone, world)).found()


def _alone(world: World, path: Path) -> LoadedSystem:
    """Load the features of another system: who trains or predicts there is none of our business."""
    document = understood(path, _text(path), world)
    if isinstance(document.value, dict):
        document.value = {key: v for key, v in document.value.items() if key not in _READERS}
    return completed(document, world)


def _each_once(faults: list[Fault]) -> list[Fault]:
    """Return ``faults`` without those that only repeat one for another entry of a matrix."""
    kept: dict[tuple[Path, int, int, str], Fault] = {}
    for fault in faults:
        said = fault.message.partition(": ")[2]
        kept.setdefault((fault.path, fault.line, fault.column, said), fault)
    return list(kept.values())


def _declared(value: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the names in each section, without those that cannot be read at all."""
    found = {section: value.get(section) or {} for section in SECTIONS}
    return {
        section: frozenset(names) for section, names in found.items() if isinstance(names, dict)
    }


def _placed(document: Layered, complaint: Complaint) -> Fault:
    where = dotted([step for step in complaint.loc[:2] if isinstance(step, str)])
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
