"""The command line: ``airflow-ml``, from a shell or inside Airflow's own."""

from __future__ import annotations

from airflow_ml_provider.cli.app import app, main

__all__ = ["app", "main"]
