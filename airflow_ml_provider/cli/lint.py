"""Lint: what a review found, written for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.lint.review import Scope
    from airflow_ml_provider.spec import Fault


def scope(profile: str | None, *, airflow: bool, store: bool) -> Scope:
    """Return what is looked at: the files alone, or Airflow and the stores as well."""
    from airflow_ml_provider.lint.review import Scope
    from airflow_ml_provider.spec import World

    if not airflow:
        return Scope(World(lenient=True), profile, store)
    from airflow_ml_provider.factory.world import airflows_world

    return Scope(airflows_world(check_connections=True), profile, store)


def written(faults: Sequence[Fault], files: int, form: str) -> str:
    """Return the faults as ``text``, ``json`` or ``github`` annotations."""
    match form:
        case "json":
            return json.dumps([_record(fault) for fault in faults], indent=2)
        case "github":
            return "\n".join(_annotation(fault) for fault in faults)
    if not files:
        return "No YAML file of a system was found. Name the file or its folder."
    warnings = sum(fault.warning for fault in faults)
    told = _counted(len(faults) - warnings, "fault")
    told += f" and {_counted(warnings, 'warning')}" if warnings else ""
    counted = f"{told} in {_counted(files, 'file')}"
    return "\n\n".join([*map(str, faults), counted])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else f'{noun}s'}"


def _record(fault: Fault) -> dict[str, object]:
    return {
        "file": str(fault.path),
        "severity": "warning" if fault.warning else "error",
        "line": fault.line,
        "column": fault.column,
        "message": fault.message,
        "hint": fault.hint,
    }


def _annotation(fault: Fault) -> str:
    text = f"{fault.message}. {fault.hint}".strip().removesuffix(". ")
    place = f"file={_property(str(fault.path))},line={fault.line},col={fault.column}"
    return f"::{'warning' if fault.warning else 'error'} {place}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
