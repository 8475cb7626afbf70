"""A score: how well a model predicts a holdout, in the metrics that need no user code."""

from __future__ import annotations

from typing import Any

from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.domain.pipeline import TrainedModel


def scores(model: TrainedModel, artifact: Any, holdout: Any) -> dict[str, float]:
    """
    Return rmse and mae (numbers) or accuracy (anything else) of ``artifact`` on ``holdout``.

    The model's ``predict`` is given a pandas frame of the columns that it was fitted on, as
    scikit-learn notes them; else of all columns but the entity, the time and the label.

    :raises FunctionError: when the model has no ``predict``.
    """
    import numpy as np

    if not hasattr(artifact, "predict"):
        msg = (
            f"{model.name}: a model of type {type(artifact).__name__} has no 'predict', so it "
            "cannot be compared. Name a function in 'evaluate' that returns its metrics."
        )
        raise FunctionError(msg)
    frame = holdout.to_pandas()
    label = frame["label"].to_numpy()
    predicted = np.asarray(artifact.predict(frame[_fitted_on(model, artifact, list(frame))]))
    if label.dtype.kind not in "iuf" or predicted.dtype.kind not in "iuf":
        return {"accuracy": float(np.mean(label == predicted))}
    error = predicted.astype(float) - label.astype(float)
    found = {"rmse": float(np.sqrt(np.mean(error**2))), "mae": float(np.mean(np.abs(error)))}
    if label.dtype.kind in "iu" and predicted.dtype.kind in "iu":
        found["accuracy"] = float(np.mean(label == predicted))
    return found


def _fitted_on(model: TrainedModel, artifact: Any, columns: list[str]) -> list[str]:
    named = getattr(artifact, "feature_names_in_", None)
    if named is not None:
        return [str(name) for name in named]
    entity = {name for view in model.features for name in view.entity}
    return [name for name in columns if name not in entity | {"label", "label_time"}]
