"""A loaded system: what one file declares, with all that stands in files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.spec.system import System


@dataclass(frozen=True, slots=True)
class LoadedSystem:
    """
    A valid system with the text of its SQL files, by feature name.

    ``path`` is the YAML, ``inherited`` every file up the tree whose defaults it takes, and
    ``profiles`` what they declare. ``others`` holds the systems whose features this one reads, by
    the names under which it does.
    """

    system: System
    path: Path
    sql: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ()
    others: Mapping[str, LoadedSystem] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that was read: when none of them changed, neither did the system."""
        folder = self.path.parent
        named = (feature.sql for feature in self.system.features.values() if feature.sql)
        queries = (folder / name for name in dict.fromkeys(named))
        theirs = (file for other in self.others.values() for file in other.files)
        return tuple(dict.fromkeys((self.path, *queries, *self.inherited, *theirs)))

    @property
    def fingerprint(self) -> str:
        """A hash of what was said, blind to comments, layout and the order of keys."""
        return fingerprint([self.system.model_dump(mode="json"), dict(self.sql)])
