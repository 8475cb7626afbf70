"""Diff: what becomes of Dags and of what they have made, between two folders or two commits."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import unified_diff
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.spec.catalog import dags_folder, files_in

if TYPE_CHECKING:
    from rich.text import Text

    from airflow_ml_provider.factory.difference import Change, Difference
    from airflow_ml_provider.factory.facts import Facts
    from airflow_ml_provider.spec import SpecError

_DEFAULTS = "defaults.yaml"
_LONGEST = 60
_COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "touched": "cyan"}


@dataclass(slots=True)
class Side:
    """One side of a comparison: the facts by Dag, and what cannot be read, by its file."""

    facts: dict[str, Facts] = field(default_factory=dict)
    files: dict[str, set[str]] = field(default_factory=dict)
    errors: dict[str, SpecError] = field(default_factory=dict)


def sides(old: Path | None, new: Path | None, against: str | None) -> tuple[Side, Side]:
    """
    Return what stands at ``old`` and at ``new``; or at a commit, and in the one place given.

    :raises ConfigurationError: when what is given does not make two sides.
    """
    if against is not None and new is None:
        place = dags_folder(old)
        with at_commit(against, place) as before:
            return read(before), read(place)
    if against is not None or old is None or new is None:
        msg = "Name two files or folders, or one of them and --against REF."
        raise ConfigurationError(msg)
    return read(old), read(new)


def read(place: Path) -> Side:
    """
    Return what the YAML file, or the folder, at ``place`` declares in the active profile.

    :raises ConfigurationError: when there is nothing at ``place``.
    """
    from airflow_ml_provider.factory.facts import facts_of
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.spec import SpecError, load

    if not place.exists():
        msg = f"There is no file or folder {place}. Name two of them, or one and --against REF."
        raise ConfigurationError(msg)
    side, world = Side(), airflows_world()
    root = place if place.is_dir() else place.parent
    for file in files_in([place]):
        name = str(file.relative_to(root))
        try:
            found = {facts.name: facts for facts in facts_of(load(file, world), [root])}
        except SpecError as error:
            side.errors[name] = error
            continue
        side.files[name] = set(found)
        side.facts |= found
    return side


def compared(old: Side, new: Side) -> list[Difference]:
    """Return the differences; a file that cannot be read on one side is left out on the other."""
    from airflow_ml_provider.factory.difference import differences

    faulty = old.errors.keys() | new.errors.keys()
    hidden = {dag for side in (old, new) for file in faulty for dag in side.files.get(file, ())}
    before, after = (
        {dag: facts for dag, facts in side.facts.items() if dag not in hidden}
        for side in (old, new)
    )
    return differences(before, after)


@contextmanager
def at_commit(ref: str, place: Path) -> Iterator[Path]:
    """
    Yield ``place`` as it was at the commit ``ref``, with the defaults above it, in a folder apart.

    :raises ConfigurationError: when it lies in no repository, or was not there at that commit.
    """
    if not place.exists():
        msg = f"There is no file or folder {place} to compare with {ref}."
        raise ConfigurationError(msg)
    inside = place if place.is_dir() else place.parent
    root = Path(_git(inside, "rev-parse", "--show-toplevel").decode().strip())
    below = place.resolve().relative_to(root.resolve())
    commit = _git(inside, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    sha = commit.decode().strip()
    above = [str(folder / _DEFAULTS) for folder in below.parents]
    # Beside a single file stands the code that it names.
    wanted = below if place.is_dir() else below.parent
    there = _git(root, "ls-tree", "-r", "--name-only", sha, "--", str(wanted), *above)
    if not there:
        msg = f"There was no {below} at {ref}."
        raise ConfigurationError(msg)
    with TemporaryDirectory() as name:
        packed = _git(root, "archive", "--format=tar", sha, "--", *there.decode().splitlines())
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(name, filter="data")
        yield Path(name) / below


def _git(folder: Path, *words: str) -> bytes:
    command = ["git", "-c", "core.quotePath=false", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        msg = "--against needs git, which is not installed here."
        raise ConfigurationError(msg) from error
    if done.returncode:
        msg = f"git {words[0]} in {folder}: {done.stderr.decode(errors='replace').strip()}"
        raise ConfigurationError(msg)
    return done.stdout


def as_json(found: Sequence[Difference], counts: Mapping[str, str]) -> str:
    """Return the differences for programs."""
    return json.dumps([_record(each, counts.get(each.facts.name)) for each in found], indent=2)


def _record(difference: Difference, counted: str | None) -> dict[str, object]:
    return {
        "dag": difference.facts.name,
        "kind": difference.facts.kind,
        "state": difference.state.value,
        "changes": [
            {"fact": each.fact, "old": each.old, "new": each.new} for each in difference.changes
        ],
        "effects": [
            {"remade": each.remade, "inherited": each.inherited, "said": each.said}
            for each in difference.effects
        ],
        **({"in_the_ledger": counted} if counted else {}),
    }


def written(found: Sequence[Difference], counts: Mapping[str, str]) -> Text:
    """Return lines for people: each pipeline, what is another one, what that does, and a sum."""
    from rich.text import Text

    told = Text()
    for each in found:
        told.append(f"{each.state:<9}", style=_COLOURS[each.state])
        told.append(f"{each.facts.name} ({each.facts.kind})\n", style="bold")
        told.append("".join(f"  {line}\n" for line in _body(each, counts.get(each.facts.name))))
    sums = [(state, sum(each.state == state for each in found)) for state in _COLOURS]
    return told.append(", ".join(f"{n} {s}" for s, n in sums if n) or "nothing is different")


def _body(difference: Difference, counted: str | None) -> Iterator[str]:
    if difference.state in {"added", "removed"}:
        said = difference.facts.said
        yield from (f"{key:<22}{said[key]}" for key in ("schedule", "tasks", "publishes"))
    for change in difference.changes:
        yield from (f"{change.fact:<22}{part}" for part in _parts(change))
    for effect in difference.effects:
        yield f"=> {effect.said}"
    if counted:
        yield f"=> {counted}"


def _parts(change: Change) -> Iterator[str]:
    if change.old and change.new and "\n" in change.old + change.new:
        lines = list(unified_diff(change.old.splitlines(), change.new.splitlines(), n=0))[2:]
        more, fewer = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        yield f"lines: {more} added, {fewer} removed"
        return
    old, new = (_short(side) for side in (change.old, change.new))
    yield f"{old} → {new}"


def _short(text: str | None) -> str:
    if text is None or not text:
        return "(none)"
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
