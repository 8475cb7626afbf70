"""Lint: all faults of all files, written for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.spec import Fault, LoadedSystem


def checked(files: Sequence[Path], *, functions: bool = True) -> list[Fault]:
    """Return every fault of ``files``: of each, of the functions they name, and between them."""
    from airflow_ml_provider.spec import SpecError, check_functions, load

    faults: list[Fault] = []
    loaded: list[LoadedSystem] = []
    for path in files:
        try:
            loaded.append(load(path))
        except SpecError as error:
            faults += error.faults
        else:
            faults += check_functions(loaded[-1]) if functions else ()
    return [*faults, *_same_dags(loaded)]


def _same_dags(loaded: Iterable[LoadedSystem]) -> list[Fault]:
    from airflow_ml_provider.spec import Fault

    faults: list[Fault] = []
    first: dict[str, Path] = {}
    for each in loaded:
        system = each.system
        names = [*system.features, *system.training, *system.inference]
        twice = [f"{system.system}.{name}" for name in names if f"{system.system}.{name}" in first]
        if twice:
            message = f"the Dag {twice[0]} is made by {first[twice[0]]} already"
            hint = "Give one of the two systems, or one of the two pipelines, another name."
            faults.append(Fault(each.path, 1, 1, message, hint))
        first |= {f"{system.system}.{name}": each.path for name in names}
    return faults


def written(faults: Sequence[Fault], files: int, form: str) -> str:
    """Return the faults as ``text``, ``json`` or ``github`` annotations."""
    match form:
        case "json":
            return json.dumps([_record(fault) for fault in faults], indent=2)
        case "github":
            return "\n".join(_annotation(fault) for fault in faults)
    if not files:
        return "No YAML file of a system was found. Name the file or its folder."
    counted = f"{_counted(len(faults), 'fault')} in {_counted(files, 'file')}"
    return "\n\n".join([*map(str, faults), counted])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else f'{noun}s'}"


def _record(fault: Fault) -> dict[str, object]:
    return {
        "file": str(fault.path),
        "line": fault.line,
        "column": fault.column,
        "message": fault.message,
        "hint": fault.hint,
    }


def _annotation(fault: Fault) -> str:
    text = f"{fault.message}. {fault.hint}".strip().removesuffix(". ")
    place = f"file={_property(str(fault.path))},line={fault.line},col={fault.column}"
    return f"::error {place}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
