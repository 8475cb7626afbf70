"""Functions: whether the user's Python can be imported, takes what it is given, and repeats."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import ModuleType

from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.lint.effects import effects
from airflow_ml_provider.spec.fault import Fault, did_you_mean
from airflow_ml_provider.spec.inheritance import Layered
from airflow_ml_provider.spec.loaded import LoadedSystem
from airflow_ml_provider.spec.loader import understood
from airflow_ml_provider.spec.sql import read_text
from airflow_ml_provider.spec.system import System
from airflow_ml_provider.spec.world import World
from airflow_ml_provider.steps.function import arguments, load, taken_in_order

Place = tuple[str, str, str]


def check_functions(loaded: LoadedSystem, world: World) -> tuple[Fault, ...]:
    """
    Import every function that the system names, and return what is wrong with each.

    A function that is not there, or cannot be called as it will be, is a fault; one that reads the
    clock, and the like, gets a warning. User modules run here, as they would in a task: with the
    folder of the YAML file on ``sys.path``. They are forgotten afterwards, so that another system
    may have modules of the same name.
    """
    document = understood(loaded.path, read_text(loaded.path), world)
    found: list[Fault] = []
    with _importable(loaded.path.parent.resolve()):
        for place, name in _named(loaded.system):
            fault = _fault(document, place, name) or _misfit(document, place, name, loaded.system)
            found += _effects(name) if fault is None else [fault]
    return tuple(found)


def _named(system: System) -> Iterator[tuple[Place, str]]:
    for section, keys in _KEYS.items():
        for name, entry in getattr(system, section).items():
            for key in keys:
                function = getattr(entry, key)
                if function is not None:
                    yield (section, name, key), function


_KEYS = {
    "features": ("python",),
    "training": ("train", "evaluate"),
    "inference": ("predict",),
}


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    before, path = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        # What a module prints when it is imported must not mix with our own output.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if _lies_in(sys.modules[name], folder):
                del sys.modules[name]


def _lies_in(module: ModuleType | None, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def _fault(document: Layered, place: Place, function: str) -> Fault | None:
    module_name, _, attribute = function.partition(":")
    where = ".".join(place)
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        message = f"{where}: {_absent(module_name, error)}"
        return document.fault_at(place, message, _absent_hint(module_name, error, document.path))
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        message = f"{where}: importing {module_name!r} fails: {type(error).__name__}: {error}"
        return document.fault_at(place, message, _raised_at(error))
    for step in attribute.split("."):
        if not hasattr(found, step):
            message = f"{where}: {module_name!r} has no function {attribute!r}"
            return document.fault_at(place, message, did_you_mean(step, _callables(found)))
        found = getattr(found, step)
    if callable(found):
        return None
    return document.fault_at(place, f"{where}: {function!r} is no function but {found!r}"[:200])


def _misfit(document: Layered, place: Place, name: str, system: System) -> Fault | None:
    function = load(name)
    try:
        signature(function)
    except (TypeError, ValueError):
        return None  # a function in C, say, keeps its parameters to itself
    section, entry, key = place
    try:
        if key == "python":
            offered = (*system.features[entry].reads, "window", "params", "tables")
            arguments(name, function, dict.fromkeys(offered, lambda: None))
        else:
            names, required = _CALLED[key]
            taken_in_order(name, function, names, required=required)
    except FunctionError as error:
        return document.fault_at(place, f"{section}.{entry}.{key}: {error}")
    return None


# What the steps call each of them with, and how much of it must be taken.
_CALLED = {
    "train": (("dataset", "params"), 1),
    "evaluate": (("model", "holdout", "params"), 2),
    "predict": (("model", "batch", "params"), 2),
}


def _effects(name: str) -> list[Fault]:
    module_name, _, attribute = name.partition(":")
    file = getattr(sys.modules[module_name], "__file__", None)
    return effects(Path(file), attribute) if file else []


def _absent(module_name: str, error: ModuleNotFoundError) -> str:
    missing = error.name or ""
    if module_name == missing or module_name.startswith(missing + "."):
        return f"there is no module {missing!r}"
    return f"{module_name!r} imports {missing!r}, which is not installed here"


def _absent_hint(module_name: str, error: ModuleNotFoundError, path: Path) -> str:
    missing = error.name or ""
    if module_name == missing or module_name.startswith(missing + "."):
        return f"It is looked for in {path.parent} and in the installed packages."
    return f"Install {missing!r} where tasks run, or correct the import."


def _raised_at(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"Raised at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}."


def _callables(found: object) -> list[str]:
    names = (name for name in vars(found) if not name.startswith("_"))
    return [name for name in names if callable(getattr(found, name))] if vars(found) else []
