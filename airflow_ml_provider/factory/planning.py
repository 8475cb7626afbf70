"""Planning: a loaded system becomes the recipes of its Dags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.outline import plain_text
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.factory.recipe import Recipe
from airflow_ml_provider.spec import (
    batch_predictions,
    end_of,
    feature_views,
    start_of,
    trained_models,
)

if TYPE_CHECKING:
    from airflow_ml_provider.domain.window import Calendar
    from airflow_ml_provider.spec import LoadedSystem


def recipes(loaded: LoadedSystem) -> list[Recipe]:
    """Return the recipe of each Dag of a system, in the order in which data flows."""
    return [*_features(loaded), *_trainings(loaded), *_inferences(loaded)]


def _features(loaded: LoadedSystem) -> Iterator[Recipe]:
    for view in feature_views(loaded).values():
        every = view.calendar.granularity
        purpose = f"Materializes one partition of `{view.table}` every {every}."
        yield _recipe(loaded, "features", view, purpose, table=str(view.table))


def _trainings(loaded: LoadedSystem) -> Iterator[Recipe]:
    for name, model in trained_models(loaded).items():
        purpose = (
            f"Judges `{model.name}` every {model.calendar.granularity} and after its features "
            "change; trains it when it is stale."
        )
        approve = loaded.system.training[name].approve
        yield _recipe(loaded, "training", model, purpose, features=model.features, approve=approve)


def _inferences(loaded: LoadedSystem) -> Iterator[Recipe]:
    for prediction in batch_predictions(loaded).values():
        purpose = (
            f"Scores every {prediction.calendar.granularity} of features with "
            f"`{prediction.model}@{prediction.alias}` into `{prediction.table}`."
        )
        yield _recipe(
            loaded,
            "inference",
            prediction,
            purpose,
            table=str(prediction.table),
            features=prediction.features,
        )


def _recipe(
    loaded: LoadedSystem,
    kind: str,
    pipeline: FeatureView | TrainedModel | BatchPrediction,
    purpose: str,
    *,
    table: str = "",
    features: Sequence[FeatureView] = (),
    approve: bool = False,
) -> Recipe:
    system, end = loaded.system, end_of(loaded)
    return Recipe(
        dag_id=pipeline.name,
        kind=kind,
        owner=system.owner,
        retries=system.retries,
        retry_delay=system.retry_delay.total_seconds(),
        start=start_of(loaded).isoformat(),
        end=None if end is None else end.isoformat(),
        store=system.store,
        registry=system.registry,
        alert=list(system.alert),
        doc=_doc(loaded, f"{kind}.{pipeline.name.partition('.')[2]}", purpose),
        calendar=_plain(pipeline.calendar),
        table=table,
        upstream=[[view.name, *_plain(view.calendar)] for view in features],
        approve=approve,
        pipeline=plain_text(pipeline),
    )


def _plain(calendar: Calendar) -> list[str]:
    return [calendar.granularity.value, calendar.timezone]


def _doc(loaded: LoadedSystem, entry: str, purpose: str) -> str:
    told = ", ".join(loaded.system.alert) or "the log"
    return "\n\n".join(
        (
            purpose,
            f"Owner: {loaded.system.owner}. Failures are told to: {told}.",
            f"Declared in {loaded.path.name} as {entry}.",
        )
    )
