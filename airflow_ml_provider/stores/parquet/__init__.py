"""Plain Parquet files under numbered manifests: one format of a lake."""

from __future__ import annotations
