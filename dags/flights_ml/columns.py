"""The columns that the model reads, and how a table becomes a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "local_hour",
    "distance",
    "flights_on_route",
    "departures",
    "left_before",
    "mean_delay_before",
    "temp",
    "wind_speed",
    "precip",
    "visib",
)


def matrix(table: pa.Table) -> np.ndarray:
    """Return the model's columns as floats, one row a row; missing values become NaN."""
    columns = [table.column(name).cast("float64").to_numpy() for name in COLUMNS]
    return np.column_stack(columns)
