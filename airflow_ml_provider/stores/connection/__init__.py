"""How one SQL engine is spoken to: a session, its dialect, its statements."""

from __future__ import annotations
