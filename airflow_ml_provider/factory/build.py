"""Build: recipes become Dags."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.factory.recipe import Recipe
    from airflow_ml_provider.spec import LoadedSystem


def build_dags(loaded: LoadedSystem, *, only: str | None = None) -> list[DAG]:
    """Return the Dags of a system, or the one called ``only`` when it is among them."""
    from airflow_ml_provider.factory.planning import recipes

    return [dag_of(each) for each in recipes(loaded) if only in {None, each["dag_id"]}]


def dag_of(recipe: Recipe) -> DAG:
    """Return the Dag that ``recipe`` describes."""
    # Each kind is imported by itself: a task builds one Dag at its start, and waits for no other.
    if recipe["kind"] == "features":
        from airflow_ml_provider.factory.feature import feature_dag as build
    elif recipe["kind"] == "training":
        from airflow_ml_provider.factory.training import training_dag as build
    else:
        from airflow_ml_provider.factory.inference import inference_dag as build
    return build(recipe)
