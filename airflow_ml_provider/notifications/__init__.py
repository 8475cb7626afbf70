"""A failure told in ML words, to whoever owns the pipeline."""

from __future__ import annotations

from airflow_ml_provider.notifications.pipeline import PipelineNotifier

__all__ = ["PipelineNotifier"]
