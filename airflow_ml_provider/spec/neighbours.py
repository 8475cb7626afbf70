"""Neighbours: the features of other systems that a system names as ``system.feature``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_ml_provider.spec.document import shown
from airflow_ml_provider.spec.fault import Fault, SpecError, did_you_mean
from airflow_ml_provider.spec.inheritance import Layered
from airflow_ml_provider.spec.loaded import LoadedSystem
from airflow_ml_provider.spec.system import System
from airflow_ml_provider.spec.tree import files_of, root_of, systems_below

_READERS = ("training", "inference")

Load = Callable[[Path], LoadedSystem]
Place = tuple[str, str, str, int]


def _references(system: System) -> Iterator[tuple[Place, str]]:
    """Yield the place and the name of every feature of another system."""
    for section in _READERS:
        for name, entry in getattr(system, section).items():
            for index, feature in enumerate(entry.features):
                if "." in feature:
                    yield (section, name, "features", index), feature


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The tree in which one system looks for others; ``load`` reads one of their files alone."""

    document: Layered
    system: System
    load: Load

    def found(self) -> tuple[dict[str, LoadedSystem], list[Fault]]:
        """Return, by reference, the systems of the features that are named, and what is wrong."""
        found: dict[str, LoadedSystem] = {}
        faults: list[Fault] = []
        for place, reference in _references(self.system):
            answer = found.get(reference) or self._looked_for(reference)
            if isinstance(answer, tuple):
                message, hint = answer
                where = ".".join(place[:2])
                faults.append(self.document.fault_at(place, f"{where}: {message}", hint))
            else:
                found[reference] = answer
        return found, faults

    def _looked_for(self, reference: str) -> LoadedSystem | tuple[str, str]:
        name, _, feature = reference.partition(".")
        if not (name and feature) or "/" in reference or "\\" in reference:
            hint = "Write 'feature', or 'system.feature' for one of another system."
            return f"{shown(reference)} is no name of a feature", hint
        if name == self.system.system:
            return f"{reference!r} is a feature of this system", f"Write {feature!r}."
        root = root_of(self.document.path)
        known: list[str] = []
        for path in files_of(name, root):
            try:
                loaded = self.load(path)
            except SpecError as error:
                return _faulty(name, error)
            if feature in loaded.system.features:
                return self._fits(reference, loaded)
            known += loaded.system.features
        if known:
            return f"system {name!r} has no feature {feature!r}", did_you_mean(feature, known)
        others = [each for each in systems_below(root) if each != self.system.system]
        place = os.path.relpath(root, self.document.path.absolute().parent)
        hint = f"{did_you_mean(name, others)} Looked for below {place!r}. {_TREE}"
        return f"there is no system {name!r} in the tree", hint

    def _fits(self, reference: str, loaded: LoadedSystem) -> LoadedSystem | tuple[str, str]:
        theirs, ours = loaded.system, self.system
        if theirs.store != ours.store:
            words = f"{reference!r} rests in {_store(theirs)}, and this system in {_store(ours)}"
            return words, _ONE_STORE
        if theirs.timezone != ours.timezone:
            words = f"partitions of {reference!r} begin in {theirs.timezone}, not {ours.timezone}"
            return words, "Write the same 'timezone' in both systems, or they do not match."
        return loaded


_ONE_STORE = (
    "Features are joined inside one store. Name the same 'store' in both systems, or copy the "
    "table and read it as a source."
)
_TREE = (
    "Systems find each other below the nearest folder up the tree whose defaults.yaml says "
    "'root: true', else in their own folder."
)


def _faulty(name: str, error: SpecError) -> tuple[str, str]:
    first = error.faults[0]
    return f"system {name!r} has faults of its own", f"{first.place}: {first.message}"


def _store(system: System) -> str:
    return f"the store {system.store!r}" if system.store else "the default store"
