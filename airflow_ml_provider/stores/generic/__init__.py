"""A store over any DB-API connection: what the engine behind it can do is handed over as a value."""

from __future__ import annotations
