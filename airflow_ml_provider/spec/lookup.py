"""A look-up: ``${env:NAME}``, ``${var:name}`` and ``${conn:id}`` in a text of the language."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from airflow_ml_provider.spec.document import shown
from airflow_ml_provider.spec.fault import did_you_mean
from airflow_ml_provider.spec.inputs import note_elsewhere, note_environment, note_variable
from airflow_ml_provider.spec.reading import refuse
from airflow_ml_provider.spec.world import World

if TYPE_CHECKING:
    from pydantic import ValidationInfo

_REFERENCE = re.compile(r"\$\{(?:(\w*):)?([^}]*)\}")
_UNCLOSED = re.compile(r"\$\{\w*:[^}]*\Z")
_DEFAULT = re.compile(r":[-=?+]|,")
_HINTS = {
    "env": "${env:NAME} is a variable of the environment in which Dags are parsed",
    "var": "${var:name} is an Airflow Variable",
    "conn": "${conn:id} is the id of an Airflow connection",
}
# As Airflow's own masker knows a secret: by a part of its name.
_HIDDEN = (
    r"access_?token|api_?key|authorization|passphrase|passwd|password|private_?key|secret|token"
    r"|keyfile|service_account"
)

# Marks a stand-in: no text of the language holds it, nor does any variable of an environment.
_UNKNOWN = "\0"

Reader = Callable[[object], str]


def looked_up(
    read: Reader, *, kinds: tuple[str, ...] = ("env", "var"), stand_in: str | None = None
) -> Callable[[object, ValidationInfo], str]:
    """
    Return a reader that puts in what references of ``kinds`` stand for, before ``read``.

    ``stand_in`` is what a text is read as whose Variable a lenient world does not know; left out,
    the name of the Variable stands for its value.
    """

    def substituted(value: object, info: ValidationInfo) -> str:
        if not isinstance(value, str) or "${" not in value:
            return read(value)
        if not _REFERENCE.search(value) and (open_one := _UNCLOSED.search(value)):
            refuse(f"{shown(open_one[0])} is not closed", "Write a '}' at its end.")
        world = info.context or World()
        text = _REFERENCE.sub(partial(_value, world, kinds), value)
        if stand_in is not None and _UNKNOWN in text:
            return read(stand_in)
        return _read_unseen(read, text.replace(_UNKNOWN, ""), value)

    return substituted


def _value(world: World, kinds: tuple[str, ...], reference: re.Match[str]) -> str:
    kind, name = reference[1], reference[2]
    if kind not in kinds:
        accepted = "; ".join(_HINTS[each] for each in kinds)
        guess = did_you_mean(kind, kinds).partition("Accepted")[0] if kind else ""
        refuse(f"cannot look up {shown(reference[0])}", f"{guess}{accepted}.")
    if "${" in name:
        refuse(f"cannot look up {shown(reference.string)}", "A name is not looked up in turn.")
    if not name:
        refuse(f"{shown(reference[0])} names nothing", f"{_HINTS[kind]}.")
    if found := _DEFAULT.search(name):
        hint = (
            f"Write ${{{kind}:{name[: found.start()]}}}, and give it a value everywhere; what differs "
            "by the environment may stand in 'profiles', too."
        )
        refuse(f"a look-up has no default: {shown(reference[0])}", hint)
    if kind != "conn" and re.search(_HIDDEN, name, re.IGNORECASE):
        hint = "What is looked up stands in Dags for all to read. Keep secrets in connections."
        refuse(f"{shown(reference[0])} is named like a secret, and is not looked up", hint)
    return {"env": _from_environment, "var": _variable, "conn": _connection}[kind](world, name)


def _from_environment(world: World, name: str) -> str:
    note_environment(name, world.environment.get(name))
    if name not in world.environment:
        hint = f"Set {name} wherever Airflow parses or runs this Dag, or write the value itself."
        refuse(f"the environment has no variable {name!r}", hint)
    return world.environment[name]


def _variable(world: World, name: str) -> str:
    found = world.variable_of(name)
    note_variable(name, found)
    if found is None and world.lenient:
        return re.sub(r"\W", "_", name) + _UNKNOWN
    if found is None:
        hint = f"Add it: airflow variables set {name} …, or write the value itself."
        refuse(f"Airflow has no Variable {name!r}", hint)
    return found


def _connection(world: World, name: str) -> str:
    if world.connection is not None:
        note_elsewhere(f"connection {name}")
    if world.connection is not None and not world.connection(name):
        hint = f"Add it: airflow connections add {name} …"
        refuse(f"Airflow has no connection {name!r}", hint)
    return name


def _read_unseen(read: Reader, text: str, written: str) -> str:
    try:
        return read(text)
    except PydanticCustomError as error:
        # Neither the value nor a guess at it is told: it may be a secret that was misplaced.
        hint = str((error.context or {}).get("hint", "")).rpartition("? ")[2]
    return refuse(f"what {shown(written)} stands for is not accepted here (it is not shown)", hint)
