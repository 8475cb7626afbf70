"""The flights system: feature, training and inference Dags from flights.yaml."""

from __future__ import annotations

from airflow_ml_provider import load_pipelines

load_pipelines(globals(), "flights.yaml")
