"""The catalog: every pipeline of the YAML files in a folder, by the name of its Dag."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.spec.fault import SpecError
from airflow_ml_provider.spec.folder import yaml_files
from airflow_ml_provider.spec.loaded import LoadedSystem
from airflow_ml_provider.spec.loader import load
from airflow_ml_provider.spec.plan import batch_predictions, feature_views, trained_models
from airflow_ml_provider.spec.tree import is_ours
from airflow_ml_provider.spec.world import World


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A pipeline with the connections of its system.

    ``file`` is its YAML, beside which stands the code that it names; ``approve``: a person has to
    agree before a promotion; ``alert``: the connections that failures are told to.
    """

    system: str
    kind: str
    pipeline: FeatureView | TrainedModel | BatchPrediction
    store: str | None
    registry: str | None
    file: Path
    approve: bool = False
    alert: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its Dag."""
        return self.pipeline.name

    @property
    def folder(self) -> Path:
        """Where its code is."""
        return self.file.parent

    def make_importable(self) -> None:
        """Put the folder on ``sys.path``, as Airflow does for its Dags folder."""
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))


@dataclass(slots=True)
class Catalog:
    """What a folder holds: the pipelines of its good files, and what is wrong with the others."""

    folder: Path
    entries: list[Entry] = field(default_factory=list)
    errors: list[SpecError] = field(default_factory=list)

    def find(self, name: str) -> Entry:
        """
        Return the pipeline called ``name``.

        :raises ConfigurationError: when there is none: with the nearest name, and the faults of
            every file that may hold it.
        """
        entries = {entry.name: entry for entry in self.entries}
        if name in entries:
            return entries[name]
        close = get_close_matches(name, entries, n=1)
        there = f"There are: {', '.join(entries)}." if entries else "There is none at all."
        hint = f"Did you mean {close[0]!r}?" if close else there
        faulty = "".join(f"\n\n{error}" for error in self.errors)
        msg = f"No pipeline is called {name!r} in {self.folder}. {hint}{faulty}"
        raise ConfigurationError(msg)


def dags_folder(given: Path | None = None) -> Path:
    """Return the folder with the YAML files: the one given, Airflow's, or ``./dags``."""
    return given or Path(os.environ.get("AIRFLOW__CORE__DAGS_FOLDER") or "dags")


def catalog(dags: Path | None = None, world: World | None = None) -> Catalog:
    """
    Return every pipeline, in the order of files and of their contents.

    A faulty file is kept apart and hides nobody else's pipelines.

    :raises ConfigurationError: when the folder is not there.
    """
    folder = dags_folder(dags)
    if not folder.exists():
        msg = f"There is no folder {folder}. Name the one with the YAML files: --dags FOLDER."
        raise ConfigurationError(msg)
    found = Catalog(folder)
    for path in files_in([folder]):
        try:
            found.entries += _entries(load(path, world))
        except SpecError as error:
            found.errors.append(error)
    return found


def files_in(paths: Sequence[Path]) -> list[Path]:
    """
    Return the YAML files among ``paths``, and those of ours below the folders among them.

    A folder may hold other people's YAML too: of a folder, only files with at least two of the
    keys that a system has at its top are taken.
    """
    found: list[Path] = []
    for path in paths:
        found += [each for each in yaml_files(path) if is_ours(each)] if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def pipelines(loaded: LoadedSystem) -> tuple[FeatureView | TrainedModel | BatchPrediction, ...]:
    """Return every pipeline of a system, in the order in which data flows."""
    return (
        *feature_views(loaded).values(),
        *trained_models(loaded).values(),
        *batch_predictions(loaded).values(),
    )


def _entries(loaded: LoadedSystem) -> Iterator[Entry]:
    system = loaded.system
    approved = {name for name, training in system.training.items() if training.approve}
    kinds = (
        ("feature", feature_views(loaded)),
        ("training", trained_models(loaded)),
        ("inference", batch_predictions(loaded)),
    )
    for kind, members in kinds:
        for name, pipeline in members.items():
            yield Entry(
                system=system.system,
                kind=kind,
                pipeline=pipeline,
                store=system.store,
                registry=system.registry,
                file=loaded.path.resolve(),
                approve=kind == "training" and name in approved,
                alert=system.alert,
            )
