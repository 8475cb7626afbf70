"""What a step computes: given a store, a window and a time. Knows no Airflow."""

from __future__ import annotations
