"""The world: what the text of a system may ask of the place where it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _environment() -> Mapping[str, str]:
    return os.environ


def _no_profile() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class World:
    """
    Where a file is read: each part is asked only when the file has a use for it.

    ``profile`` returns the active profile. ``variable`` returns the value of an Airflow Variable,
    or None when there is none; left out, only those are known that Airflow takes from the
    environment (``AIRFLOW_VAR_…``). ``connection`` says whether a connection exists; left out,
    nobody is asked. In a ``lenient`` world a Variable that nobody knows is taken for well chosen.
    """

    environment: Mapping[str, str] = field(default_factory=_environment)
    profile: Callable[[], str | None] = _no_profile
    variable: Callable[[str], str | None] | None = None
    connection: Callable[[str], bool] | None = None
    lenient: bool = False

    def variable_of(self, name: str) -> str | None:
        """Return the value of a Variable, or None when it is not known here."""
        if self.variable is not None:
            return self.variable(name)
        return self.environment.get(f"AIRFLOW_VAR_{name.upper()}")
