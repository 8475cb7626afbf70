"""Delta Lake: one format of a lake."""

from __future__ import annotations
