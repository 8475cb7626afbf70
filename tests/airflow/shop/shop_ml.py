"""The shop's own functions: they know nothing of Airflow."""

from __future__ import annotations

import os
import signal
from typing import Any

import pyarrow as pa


class Mean:
    """The plainest model there is."""

    def __init__(self, mean: float) -> None:
        self.mean = mean

    def predict(self, frame: Any) -> list[float]:
        return [self.mean] * len(frame)


def fit(dataset: pa.Table) -> tuple[Mean, dict[str, float]]:
    labels = dataset.column("label").to_pylist()
    return Mean(sum(labels) / len(labels)), {"rows": float(len(labels))}


def predict(model: Mean, batch: pa.Table) -> pa.Table:
    return pa.table({"expected": pa.array(model.predict(batch), pa.float64())})


def killed(orders: pa.Table) -> pa.Table:
    os.kill(os.getpid(), signal.SIGKILL)
    return orders
