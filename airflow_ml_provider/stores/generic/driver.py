"""A driver: the DB-API module of a connection, with its parameter style and its errors."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from airflow_ml_provider.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Driver:
    """
    What PEP 249 asks of a module.

    ``error`` is the root of its errors, ``duplicate`` the one for broken keys and rules, ``lost``
    those that a connection or a server raises, ``data`` the one for values that do not fit.
    """

    name: str
    paramstyle: str
    error: type[Exception]
    duplicate: type[Exception]
    lost: tuple[type[Exception], ...]
    data: type[Exception]


def driver_of(made: object) -> Driver:
    """
    Return the driver that made a connection, or raised an error.

    :raises ConfigurationError: when its module is none of the DB-API.
    """
    path = type(made).__module__.split(".")
    for length in range(len(path), 0, -1):
        module = sys.modules.get(".".join(path[:length]))
        if module is not None and hasattr(module, "paramstyle") and hasattr(module, "Error"):
            return driver(module)
    msg = (
        f"{'.'.join(path)} is no DB-API module: it has neither a 'paramstyle' nor an 'Error' (PEP "
        "249). No store can be opened over its connections."
    )
    raise ConfigurationError(msg)


def driver(module: Any) -> Driver:
    """Return what a DB-API module says of itself."""
    return Driver(
        module.__name__,
        module.paramstyle,
        module.Error,
        module.IntegrityError,
        (module.OperationalError, module.InterfaceError),
        module.DataError,
    )
