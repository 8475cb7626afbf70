"""The demo's system: which Dags it has, which windows it plays, and what the ledger says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.champion import champion_for
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Ledger
    from airflow_ml_provider.domain.window import Window

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class FlightsSystem:
    """The three pipelines of ``flights.yaml``, as values."""

    features: FeatureView
    model: TrainedModel
    predictions: BatchPrediction

    @classmethod
    def load(cls, dags: Path) -> FlightsSystem:
        """Read the system from its YAML in the Dags folder."""
        from airflow_ml_provider.spec import (
            batch_predictions,
            feature_views,
            load,
            trained_models,
        )

        system = load(dags / "flights.yaml")
        return cls(
            feature_views(system)["route_delays"],
            trained_models(system)["arrival_delay"],
            batch_predictions(system)["expected_delays"],
        )

    @property
    def dag_ids(self) -> tuple[str, str, str]:
        """The Dags, in the order in which data flows."""
        return self.features.name, self.model.name, self.predictions.name

    def windows(self, first: str, days: int) -> tuple[Window, ...]:
        """Return ``days`` windows from the one that ``first`` names."""
        start = self.features.calendar.window(first)
        # Noon of the last day, so that a day of 23 or 25 hours is counted once.
        last = start.start + timedelta(days=days) - timedelta(hours=12)
        return tuple(self.features.calendar.between(start.start, last))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one window got, as the ledger tells it."""

    window: Window
    features: bool
    judged: bool
    predicted: bool

    @property
    def done(self) -> bool:
        """Whether nothing is left to do for the window."""
        return self.features and self.judged and self.predicted


def progress(ledger: Ledger, system: FlightsSystem, windows: Sequence[Window]) -> list[Progress]:
    """Look up every window: its features, the verdict after it, its predictions if any are due."""
    judged = {judgement.as_of for judgement in ledger.judgements(system.model.name)}
    reigns = ledger.reigns(system.model.name, CHAMPION)
    features = {line.key for line in ledger.lines(system.features.table) if not line.unpublished}
    predicted = {line.key for line in ledger.lines(system.predictions.table)}
    return [
        Progress(
            window,
            features=window.key in features,
            judged=window.end in judged,
            predicted=window.key in predicted or champion_for(reigns, window.start) is None,
        )
        for window in windows
    ]
