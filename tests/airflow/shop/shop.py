"""The Dags of the shop. (Airflow looks only into files that hold the word Dag.)"""

from __future__ import annotations

from airflow_ml_provider import load_pipelines

load_pipelines(globals(), "shop.yaml")
