"""What the tests of the spec share: golden files, and the smallest systems."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a file under ``golden``; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = HERE / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"{name} differs; UPDATE_GOLDEN=1 accepts what is new"

    return compare


@pytest.fixture
def system_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a system with one SQL file beside it, and return the path of its YAML."""

    def write(text: str, name: str = "shop.yaml") -> Path:
        (tmp_path / "one.sql").write_text("SELECT 1")
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
