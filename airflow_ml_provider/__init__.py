"""Run machine-learning pipelines on Apache Airflow: features, training, inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_provider.factory.load import load_pipelines as load_pipelines
    from airflow_ml_provider.spec.declaration import (
        feature as feature,
        inference as inference,
        system as system,
        training as training,
    )

__version__ = "0.1.0"

__all__ = ["__version__", "feature", "inference", "load_pipelines", "system", "training"]


def __getattr__(name: str) -> object:
    # Imported on first use: the domain, the spec and the command line live without Airflow.
    if name == "load_pipelines":
        from airflow_ml_provider.factory.load import load_pipelines

        return load_pipelines
    if name in __all__:
        from airflow_ml_provider.spec import declaration

        return getattr(declaration, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
