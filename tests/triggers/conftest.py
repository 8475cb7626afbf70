from __future__ import annotations

from tests.steps.conftest import City, city

__all__ = ["City", "city"]
