"""Build: a loaded system becomes its Dags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from airflow_ml_provider.factory.wiring import Wiring
from airflow_ml_provider.spec import batch_predictions, feature_views, trained_models

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.spec import LoadedSystem


def build_dags(loaded: LoadedSystem, *, only: str | None = None) -> list[DAG]:
    """Return the Dags of a system, or the one called ``only`` when it is among them."""
    return [build() for dag_id, build in _builders(loaded) if only is None or dag_id == only]


def _builders(loaded: LoadedSystem) -> Iterator[tuple[str, Callable[[], DAG]]]:
    yield from _features(loaded)
    yield from _trainings(loaded)
    yield from _inferences(loaded)


def _features(loaded: LoadedSystem) -> Iterator[tuple[str, Callable[[], DAG]]]:
    from airflow_ml_provider.factory.feature import feature_dag

    for view in feature_views(loaded).values():
        yield view.name, partial(feature_dag, Wiring(loaded), view)


def _trainings(loaded: LoadedSystem) -> Iterator[tuple[str, Callable[[], DAG]]]:
    from airflow_ml_provider.factory.training import training_dag

    for name, model in trained_models(loaded).items():
        approve = loaded.system.training[name].approve
        yield model.name, partial(training_dag, Wiring(loaded), model, approve=approve)


def _inferences(loaded: LoadedSystem) -> Iterator[tuple[str, Callable[[], DAG]]]:
    from airflow_ml_provider.factory.inference import inference_dag

    for prediction in batch_predictions(loaded).values():
        yield prediction.name, partial(inference_dag, Wiring(loaded), prediction)
