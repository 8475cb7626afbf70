"""Apache Iceberg: one format of a lake."""

from __future__ import annotations
