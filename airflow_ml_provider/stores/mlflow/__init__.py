"""MLflow: the registry of models."""

from __future__ import annotations
