"""A store in a SQL database, whatever its engine."""

from __future__ import annotations
