"""Kept recipes: those of a YAML file, made once and taken from the shelf while nothing changes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airflow_ml_provider.factory.recipe import Recipe
from airflow_ml_provider.factory.shelf import Shelf, name_of
from airflow_ml_provider.spec.inputs import Inputs, Look, noted


def recipes_of(
    path: str | Path, *, only: str | None = None, shelf: Shelf, look: Look
) -> list[Recipe]:
    """
    Return the recipes of a YAML file, or the one of the Dag ``only`` when it is among them.

    :raises SpecError: with every fault of the file.
    """
    place = os.path.abspath(path)  # noqa: PTH100  a Path takes ten times as long
    name = name_of("recipes", place)
    kept = _read(shelf.fetch(name), only, look)
    if kept is not None:
        return kept
    made, inputs = _made(Path(path))
    # An input that has changed by now, or that cannot be looked at, would never be found again.
    if look.again().unchanged(_rows(inputs)):
        shelf.put(name, _written(inputs, made))
    return [each for each in made if only in {None, each["dag_id"]}]


def _made(path: Path) -> tuple[list[Recipe], Inputs]:
    from airflow_ml_provider.factory.planning import recipes
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec import load

    with noted() as inputs:
        return recipes(load(path, airflows_world())), inputs


def _written(inputs: Inputs, made: list[Recipe]) -> bytes:
    """Return one line on what they were made from, and one for each recipe."""
    return b"\n".join([_line(_rows(inputs)), *map(_line, made)])


def _read(content: bytes | None, only: str | None, look: Look) -> list[Recipe] | None:
    if content is None:
        return None
    head, _, body = content.partition(b"\n")
    if not look.unchanged(json.loads(head)):
        return None
    lines = body.split(b"\n") if only is None else _line_of(body, only)
    return [json.loads(line) for line in lines if line]


def _line_of(body: bytes, dag_id: str) -> Iterable[bytes]:
    # A recipe begins with its Dag's id: of a thousand lines, the others need not be understood.
    start = f'{{"dag_id":{json.dumps(dag_id)},'.encode()
    found = 0 if body.startswith(start) else body.find(b"\n" + start) + 1
    if found or body.startswith(start):
        yield body[found:].partition(b"\n")[0]


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _rows(inputs: Inputs) -> list[tuple[str, str, str]]:
    return [(kind, name, seen) for (kind, name), seen in inputs.items()]
