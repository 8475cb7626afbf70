"""A declaration: pipelines said in Python, by decorators that leave functions as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.inference import Inference
from airflow_ml_provider.spec.section import Section
from airflow_ml_provider.spec.system import System
from airflow_ml_provider.spec.training import Training

Function = TypeVar("Function", bound=Callable[..., Any])

_SECTIONS: dict[type[Section], tuple[str, str]] = {
    Feature: ("features", "python"),
    Training: ("training", "train"),
    Inference: ("inference", "predict"),
}
# Beside the functions, not on them: what is decorated stays what it was.
_DECLARED: WeakKeyDictionary[Callable[..., Any], tuple[type[Section], str, dict[str, Any]]] = (
    WeakKeyDictionary()
)


def feature(*, name: str | None = None, **keys: Any) -> Callable[[Function], Function]:
    """
    Declare that a function computes a feature view; ``keys`` are those of the language.

    ``from`` is a word of Python, so it is called ``reads``. ``name`` is the function's, when left
    out. The function itself is returned, unchanged.
    """
    return _declaring(Feature, name, keys)


def training(*, name: str | None = None, **keys: Any) -> Callable[[Function], Function]:
    """Declare that a function trains a model; ``features`` may be names or declared functions."""
    return _declaring(Training, name, keys)


def inference(*, name: str | None = None, **keys: Any) -> Callable[[Function], Function]:
    """Declare that a function predicts; ``features`` and ``model`` may be declared functions."""
    return _declaring(Inference, name, keys)


def system(name: str, *functions: Callable[..., Any], **keys: Any) -> System:
    """
    Return the system ``name`` with a pipeline for each declared function.

    ``keys`` are those of a file, with further pipelines under ``features``, ``training`` and
    ``inference`` as mappings or models.

    :raises ConfigurationError: when a function was not declared, cannot be imported by its name, or
        two pipelines have the same name.
    :raises pydantic.ValidationError: when a key or a value is not of the language.
    """
    given: dict[str, Any] = {
        section: dict(keys.pop(section, {})) for section, _ in _SECTIONS.values()
    }
    for function in functions:
        kind, called, about = _declaration(function)
        section, key = _SECTIONS[kind]
        if called in given[section]:
            msg = f"System {name!r} has two entries {section}.{called}. Give one another name."
            raise ConfigurationError(msg)
        plain = {each: _said(value) for each, value in about.items()}
        given[section][called] = kind(**{key: reference_to(function), **plain})
    return System(system=name, **keys, **given)


def reference_to(function: Callable[..., Any]) -> str:
    """
    Return ``package.module:function``, by which a task finds a function again.

    :raises ConfigurationError: when no other process could import it by that name.
    """
    module, name = function.__module__, function.__qualname__
    if module == "__main__" or module.startswith("unusual_prefix_") or not name.isidentifier():
        msg = (
            f"{name!r} of {module!r} cannot be imported where a task runs. Put it at the top level "
            "of a module beside the Dag file, and import it from there."
        )
        raise ConfigurationError(msg)
    return f"{module}:{name}"


def _declaring(
    kind: type[Section], name: str | None, keys: dict[str, Any]
) -> Callable[[Function], Function]:
    def declare(function: Function) -> Function:
        _DECLARED[function] = (kind, name or function.__name__, keys)
        return function

    return declare


def _declaration(function: Callable[..., Any]) -> tuple[type[Section], str, dict[str, Any]]:
    try:
        return _DECLARED[function]
    except (KeyError, TypeError):
        name = getattr(function, "__qualname__", repr(function))
        msg = f"{name!r} was not declared. Decorate it with @feature, @training or @inference."
        raise ConfigurationError(msg) from None


def _said(value: object) -> object:
    """Return a function as its text: the name of its pipeline, else the name it is imported by."""
    if isinstance(value, list | tuple):
        return [_said(item) for item in value]
    if callable(value) and not isinstance(value, type):
        return _DECLARED[value][1] if value in _DECLARED else reference_to(value)
    return value
