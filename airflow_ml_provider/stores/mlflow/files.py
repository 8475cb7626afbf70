"""The files of a model: written so that MLflow can serve them, and read back as they were."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def save_model(artifact: Any, path: Path) -> None:
    """
    Write ``artifact`` as an MLflow model.

    The requirements are always named: left to MLflow, it would find them by loading the model in
    a new process, which takes a minute.
    """
    if _is_estimator(artifact):
        import mlflow.sklearn

        mlflow.sklearn.save_model(
            artifact,
            path,
            serialization_format="cloudpickle",
            pip_requirements=_requirements("scikit-learn", "numpy", "pandas", "cloudpickle"),
        )
        return
    import mlflow.pyfunc

    mlflow.pyfunc.save_model(
        path, python_model=_wrapped(artifact), pip_requirements=_requirements("cloudpickle")
    )


def load_model(path: Path) -> Any:
    """Return what :func:`save_model` wrote, or the Python function of a model made elsewhere."""
    import mlflow.pyfunc
    from mlflow.models import Model

    if "sklearn" in Model.load(path).flavors:
        import mlflow.sklearn

        return mlflow.sklearn.load_model(str(path))
    loaded = mlflow.pyfunc.load_model(str(path))
    try:
        inner = loaded.unwrap_python_model()
    except Exception:  # a model of another kind has nothing to unwrap
        return loaded
    return getattr(inner, "artifact", loaded)


def _is_estimator(artifact: Any) -> bool:
    # No estimator exists before its library was imported.
    base = sys.modules.get("sklearn.base")
    return base is not None and isinstance(artifact, base.BaseEstimator)


def _wrapped(artifact: Any) -> Any:
    from mlflow.pyfunc.model import PythonModel

    # Made here so that it is pickled by value: who loads the model need not have us installed.
    # No types on 'predict': MLflow takes them for a schema of the input.
    class Wrapped(PythonModel):
        def __init__(self) -> None:
            self.artifact = artifact

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return self.artifact.predict(model_input)

    return Wrapped()


def _requirements(*names: str) -> list[str]:
    found: list[str] = []
    for name in names:
        try:
            found.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return found
