"""A review: all that is wrong with files, in every profile, of each and between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from airflow_ml_provider.lint.advice import advice
from airflow_ml_provider.lint.columns import Stores
from airflow_ml_provider.lint.functions import check_functions
from airflow_ml_provider.lint.queries import check_queries
from airflow_ml_provider.spec import Fault, LoadedSystem, SpecError, System, World, load
from airflow_ml_provider.spec.tables import circles, told


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What is looked at beyond the files: ``look`` into the stores that systems name.

    Without ``profile``, every profile is checked, and none.
    """

    world: World
    profile: str | None = None
    look: bool = False


def reviewed(files: Sequence[Path], scope: Scope) -> list[Fault]:
    """Return every fault and warning of ``files``: of each, of what they name, between them."""
    found: list[Fault] = []
    loaded: list[LoadedSystem] = []
    with ExitStack() as stack:
        stores = stack.enter_context(Stores()) if scope.look else None
        for path in files:
            faults, usable = _of(path, scope)
            found += faults
            for each in usable:
                found += _beside(each, scope, stores)
            loaded += usable[:1]
    return [*dict.fromkeys(found), *_same_dags(loaded), *_circles(loaded)]


def _of(path: Path, scope: Scope) -> tuple[list[Fault], list[LoadedSystem]]:
    """Return the faults of a file, and the system as each of its good profiles makes it."""
    if scope.profile is not None:
        return _loaded(path, scope.world, scope.profile)
    faults, usable = _loaded(path, scope.world, None)
    known = {(fault.path, fault.line, fault.column) for fault in faults}
    for profile in usable[0].profiles if usable else _profiles(path, scope.world):
        more, made = _loaded(path, scope.world, profile)
        usable += made
        for fault in more:
            if (fault.path, fault.line, fault.column) not in known:
                known.add((fault.path, fault.line, fault.column))
                faults.append(replace(fault, message=f"{fault.message} (profile {profile})"))
    return faults, usable


def _loaded(
    path: Path, world: World, profile: str | None
) -> tuple[list[Fault], list[LoadedSystem]]:
    try:
        return [], [load(path, replace(world, profile=lambda: profile))]
    except SpecError as error:
        return list(error.faults), []


def _profiles(path: Path, world: World) -> tuple[str, ...]:
    from airflow_ml_provider.spec.loader import understood
    from airflow_ml_provider.spec.sql import read_text

    try:
        return understood(path, read_text(path), world).profiles
    except (OSError, ValueError):
        return ()


def _beside(loaded: LoadedSystem, scope: Scope, stores: Stores | None) -> Iterator[Fault]:
    yield from check_functions(loaded, scope.world)
    yield from check_queries(loaded, scope.world)
    yield from advice(loaded, scope.world)
    if stores is not None:
        yield from stores.check(loaded, scope.world)


def _same_dags(loaded: Iterable[LoadedSystem]) -> Iterator[Fault]:
    first: dict[str, Path] = {}
    for each in loaded:
        names = _dag_ids(each.system)
        twice = [name for name in names if name in first]
        if twice:
            message = f"the Dag {twice[0]} is made by {first[twice[0]]} already"
            hint = "Give one of the two systems, or one of the two pipelines, another name."
            yield Fault(each.path, 1, 1, message, hint)
        first |= dict.fromkeys(names, each.path)


def _dag_ids(system: System) -> list[str]:
    names = (*system.features, *system.training, *system.inference)
    return [f"{system.system}.{name}" for name in names]


def _circles(loaded: Sequence[LoadedSystem]) -> Iterator[Fault]:
    # A circle inside one system, or through a neighbour, was told when it was loaded.
    for circle in circles(each.system for each in loaded):
        file = next(each.path for each in loaded if each.system.system == circle[0][0])
        yield Fault(file, 1, 1, told(circle), "Each waits for the other, so none would ever run.")
