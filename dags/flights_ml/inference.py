"""Score the routes of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from flights_ml.columns import matrix

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor


def predict(model: HistGradientBoostingRegressor, batch: pa.Table) -> pa.Table:
    """Return the expected arrival delay, in minutes, of each row of ``batch``."""
    return pa.table({"expected_delay": model.predict(matrix(batch))})
