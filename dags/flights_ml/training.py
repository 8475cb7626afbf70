"""Learn the arrival delay of a flight, in minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from flights_ml.columns import matrix

if TYPE_CHECKING:
    import pyarrow as pa


def fit(
    dataset: pa.Table, params: dict[str, Any]
) -> tuple[HistGradientBoostingRegressor, dict[str, float]]:
    """Return a regressor and how well it fits the rows it has seen."""
    model = HistGradientBoostingRegressor(
        max_iter=params["iterations"],
        learning_rate=params["learning_rate"],
        min_samples_leaf=params["smallest_leaf"],
        random_state=params["seed"],
    )
    model.fit(matrix(dataset), dataset.column("label").to_numpy())
    return model, {"train_rmse": evaluate(model, dataset)["rmse"]}


def evaluate(model: HistGradientBoostingRegressor, holdout: pa.Table) -> dict[str, float]:
    """Return the errors of ``model`` on rows it has not seen, in minutes."""
    errors = model.predict(matrix(holdout)) - holdout.column("label").to_numpy()
    return {
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "mae": float(np.mean(np.abs(errors))),
    }
