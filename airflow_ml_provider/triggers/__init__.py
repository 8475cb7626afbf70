"""The waits, without holding a worker."""

from __future__ import annotations
