"""A user's function: found by its name, called by its signature, its answer looked at."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.steps.code import code_at, importable

_BOUND = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def load(reference: str) -> Callable[..., Any]:
    """
    Return the function that ``package.module:function`` names.

    :raises FunctionError: when the module or the function is not there, or the module fails.
    """
    module_name, _, name = reference.partition(":")
    if not module_name or not name:
        msg = f"{reference!r} is not the name of a function. Write 'package.module:function'."
        raise FunctionError(msg)
    function = getattr(_module(module_name, reference), name, None)
    if function is None:
        module = importlib.import_module(module_name)
        offered = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        msg = (
            f"{reference!r}: module {module_name!r} has no function {name!r}."
            f"{suggestion(name, offered)}"
        )
        raise FunctionError(msg)
    if not callable(function):
        msg = f"{reference!r} is {type(function).__name__}, not a function. Name a function."
        raise FunctionError(msg)
    return function  # type: ignore[no-any-return]


def code_of(reference: str) -> str:
    """
    Return the fingerprint of the code that a function runs, as far as it is its project's own.

    :raises FunctionError: when the module is not there.
    """
    known = code_at(reference, importable)
    if known is not None:
        return known
    return fingerprint(inspect.getsource(inspect.getmodule(load(reference)) or load(reference)))


def arguments(
    reference: str, function: Callable[..., Any], offered: Mapping[str, Callable[[], object]]
) -> dict[str, object]:
    """
    Return what the parameters of ``function`` ask for by name.

    A value is made only when it is asked for. ``**rest`` receives every offer that was not named.

    :raises FunctionError: when a parameter names nothing that is offered.
    """
    parameters = inspect.signature(function).parameters.values()
    asked = {p.name: p for p in parameters if p.kind in _BOUND}
    needed = [name for name, p in asked.items() if p.default is inspect.Parameter.empty]
    unknown = [name for name in needed if name not in offered]
    if unknown:
        msg = (
            f"{reference!r} asks for {unknown[0]!r}, which is not offered. Its parameters may be "
            f"named {', '.join(map(repr, offered))}.{suggestion(unknown[0], offered)}"
        )
        raise FunctionError(msg)
    names = [name for name in asked if name in offered]
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        names += [name for name in offered if name not in asked]
    return {name: offered[name]() for name in names}


def call_in_order(
    reference: str,
    function: Callable[..., Any],
    given: Sequence[tuple[str, object]],
    *,
    required: int,
) -> Any:
    """
    Call ``function`` with ``given`` in order, leaving out those at the end that it does not take.

    :raises FunctionError: when it takes fewer than ``required``, or demands more than there are.
    """
    taken = taken_in_order(reference, function, [name for name, _ in given], required=required)
    return function(*(value for _, value in given[:taken]))


def taken_in_order(
    reference: str, function: Callable[..., Any], names: Sequence[str], *, required: int
) -> int:
    """
    Return how many of the arguments ``names`` a function takes.

    :raises FunctionError: when it takes fewer than ``required``, or demands more than there are.
    """
    parameters = list(inspect.signature(function).parameters.values())
    placed = [p for p in parameters if p.kind in _PLACED]
    endless = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    taken = len(names) if endless else min(len(placed), len(names))
    demanded = [p.name for p in placed if p.default is inspect.Parameter.empty]
    if taken < required or len(demanded) > len(names):
        msg = (
            f"{reference!r} takes ({', '.join(p.name for p in parameters)}), but is called with "
            f"({', '.join(names)}). Give it those parameters; any after the first {required} may "
            "be left out."
        )
        raise FunctionError(msg)
    return taken


def suggestion(name: str, offered: Iterable[str]) -> str:
    """Return " Did you mean …?" when something close to ``name`` is offered, else nothing."""
    close = get_close_matches(name, list(offered), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _module(name: str, reference: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise FunctionError(_not_imported(name, reference, error)) from error
    except Exception as error:  # the module is the user's: anything may come out of it
        msg = (
            f"{reference!r}: importing module {name!r} fails with {type(error).__name__}: {error}"
        )
        raise FunctionError(msg) from error


def _not_imported(name: str, reference: str, error: ImportError) -> str:
    missing = error.name or ""
    if not (name == missing or name.startswith(f"{missing}.")) or not missing:
        return (
            f"{reference!r}: module {name!r} cannot be imported: {error}. Install what it needs."
        )
    parent, _, _ = missing.rpartition(".")
    return (
        f"{reference!r}: there is no module {missing!r}. Put it beside the Dag file, or on "
        f"PYTHONPATH.{suggestion(missing, _siblings(parent))}"
    )


def _siblings(parent: str) -> list[str]:
    try:
        paths = importlib.import_module(parent).__path__ if parent else None
    except (ImportError, AttributeError):
        return []
    prefix = f"{parent}." if parent else ""
    return [f"{prefix}{module.name}" for module in pkgutil.iter_modules(paths)]
