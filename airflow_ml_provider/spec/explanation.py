"""An explanation: what pydantic found, in the words of the language and with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from airflow_ml_provider.spec.document import shown
from airflow_ml_provider.spec.fault import Fault, did_you_mean, dotted
from airflow_ml_provider.spec.inheritance import MATRIX
from airflow_ml_provider.spec.profile import PROFILES
from airflow_ml_provider.spec.system import DEFAULTS
from airflow_ml_provider.spec.yaml12 import flow

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from airflow_ml_provider.spec.inheritance import Layered

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_BOOLEANS_OF_YAML_1_1 = {"yes": "true", "on": "true", "no": "false", "off": "false"}


_VERBATIM = {
    "${": "Nothing is looked up here: ${…} is for owners, connections, tables and time zones.",
    "{{": "No template is rendered here.",
}

# What Airflow and those who make its Dags from YAML call it.
_EVERY = "Write 'every' in each feature: the schedule of all that reads it follows from that."
_START = "Write 'start' and 'end', once for the system: partitions are made from there on."
_WAITS = "A pipeline waits for what it reads: name it in 'from' or 'features'."
_ALERT = "Write 'alert' with the ids of connections, through which the owner is told."
_OF_AIRFLOW = {
    "schedule": _EVERY,
    "schedule_interval": _EVERY,
    "timetable": _EVERY,
    "cron": _EVERY,
    "start_date": _START,
    "end_date": _START,
    "catchup": f"{_START} Those of before today are made by a backfill.",
    "default_args": "Write 'owner', 'retries' and 'retry_delay' as keys of the system.",
    "dag_id": "Write 'system': Dags are named '<system>.<name>'.",
    "task_id": "Tasks have their names from what they do.",
    "tags": "Leave it out: Dags are tagged with their kind and their owner.",
    "conn_id": "Write 'store' with the id of the connection.",
    "connection": "Write 'store' with the id of the connection.",
    "depends_on": _WAITS,
    "dependencies": _WAITS,
    "upstream": _WAITS,
    "email": _ALERT,
    "email_on_failure": _ALERT,
    "on_failure_callback": _ALERT,
}


def explanations(document: Layered, model: type[BaseModel], error: ValidationError) -> list[Fault]:
    """
    Return what is wrong with ``document``, which was to be a ``model``.

    Nothing is said where reading already found a fault: that one is the cause.
    """
    known = {(fault.line, fault.column) for fault in document.faults}
    # A list is counted without its faulty items; only one that is empty is too short. Likewise a
    # system may lack what was refused while it was read.
    found = [
        _explained(document, model, each)
        for each in error.errors()
        if (each["type"] != "too_short" or not each["input"])
        and (each["loc"] or not document.faults)
    ]
    return [fault for fault in found if (fault.line, fault.column) not in known]


def _explained(document: Layered, model: type[BaseModel], error: ErrorDetails) -> Fault:
    loc = error["loc"]
    at_key = error["type"] == "extra_forbidden" or loc[-1:] == ("[key]",)
    if loc[-1:] == ("[key]",):
        loc = loc[:-1]
    message, hint = _words(model, error, loc)
    return document.fault_at(loc, message, hint, at_key=at_key)


def _words(
    model: type[BaseModel], error: ErrorDetails, loc: tuple[str | int, ...]
) -> tuple[str, str]:
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    where = _in(loc)
    match kind:
        case "extra_forbidden":
            key = str(loc[-1])
            words = f"{_in(loc[:-1])}unknown key {key!r}"
            hint = _instead(key, _accepted_keys(model, loc[:-1]))
        case "missing":
            words = f"{_in(loc[:-1])}the key {str(loc[-1])!r} is missing"
            hint = _described(model, loc)
        case "refused":
            words = f"{where}{context['message']}"
            hint = str(context.get("hint", ""))
        case "enum" | "literal_error":
            words = f"{where}cannot be {shown(given)}"
            accepted = re.findall(r"'([^']*)'", str(context.get("expected", "")))
            hint = did_you_mean(str(given), accepted)
        case "too_short":
            words, hint = f"{where}must not be empty", _described(model, loc)
        case _:
            words, hint = _type_words(kind, where, given, error["msg"])
            if not hint and _WANTED.get(kind) == "a mapping":
                hint = _its_keys(model, loc)
    return words, f"{_verbatim(words, given)}{hint}".rstrip()


def _instead(key: str, accepted: list[str]) -> str:
    """Return what to write instead of a key, also of one that Airflow has for it."""
    return _OF_AIRFLOW.get(key) or did_you_mean(key, accepted)


def _its_keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> str:
    keys = _accepted_keys(model, loc)
    return f"Its keys: {', '.join(keys)}." if keys else ""


def _verbatim(words: str, given: object) -> str:
    """Return that a value is read as it stands, where somebody hoped for something else."""
    refused = words.endswith((f"got {shown(given)}", f"cannot be {shown(given)}"))
    if not isinstance(given, str) or not refused:
        return ""
    return next((f"{told} " for sign, told in _VERBATIM.items() if sign in given), "")


def _type_words(kind: str, where: str, given: object, said: str) -> tuple[str, str]:
    if kind not in _WANTED:
        return f"{where}{said.removeprefix('Input ').lower()}, got {shown(given)}", ""
    if kind == "bool_type" and isinstance(given, str) and given in _BOOLEANS_OF_YAML_1_1:
        hint = f"Write {_BOOLEANS_OF_YAML_1_1[str(given)]}: in YAML 1.2, {given!r} is text."
        return f"{where}must be true or false, got {shown(given)}", hint
    hint = f"Write [{given}]." if _WANTED[kind] == "a list" and _simple(given) else ""
    if _WANTED[kind] == "a whole number" and isinstance(given, str) and given.isdecimal():
        hint = f"Write {given}, without quotes."
    return f"{where}must be {_WANTED[kind]}, got {shown(given)}", hint


def _simple(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _in(loc: tuple[str | int, ...]) -> str:
    return f"{dotted(loc)}: " if loc else ""


def _accepted_keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    found = _model_at(model, loc)
    if found is None:
        return []
    added = {0: [DEFAULTS, PROFILES], 2: [MATRIX]}.get(len(loc), [])
    return [*_keys(found), *added]


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _described(model: type[BaseModel], loc: tuple[str | int, ...]) -> str:
    found = _model_at(model, loc[:-1])
    for name, field in (found.model_fields if found else {}).items():
        if str(loc[-1]) in {name, field.alias}:
            examples = ", ".join(flow(each) for each in field.examples or ())
            return (field.description or "") + (f" Such as: {examples}." if examples else "")
    return ""


def _model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Return the model whose keys stand at ``loc``."""
    here: Any = model
    for step in loc:
        if isinstance(here, type) and issubclass(here, BaseModel):
            by_key = {field.alias or name: field for name, field in here.model_fields.items()}
            if step not in by_key:
                return None
            here = by_key[str(step)].annotation
        else:
            # A mapping of names or a list: its last type argument is what an entry holds.
            here = next(iter(reversed([each for each in get_args(here) if each is not ...])), None)
        here = _without_none(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    options = [each for each in get_args(annotation) if each is not type(None)]
    models = [each for each in options if isinstance(each, type) and issubclass(each, BaseModel)]
    is_union = type(None) in get_args(annotation)
    return models[0] if is_union and models else annotation
