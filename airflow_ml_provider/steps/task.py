"""A task at work: the store, the window and the owner that one try of it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.window import Window


@dataclass(frozen=True, slots=True)
class Task:
    """What one try of a task works with."""

    store: Store
    window: Window
    owner: Owner
    now: datetime
