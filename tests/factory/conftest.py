"""A home of its own for each test: what one keeps, no other shall find."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(tmp_path / "home"))
    return tmp_path / "home"
