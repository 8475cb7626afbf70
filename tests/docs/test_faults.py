"""The page on faults: its matrix is what the tests are."""

from __future__ import annotations

import os
from pathlib import Path

from tests.stores.matrix import FAULTS, printed

PAGE = Path(__file__).parents[2] / "airflow_ml_provider" / "doc" / "faults.md"


def test_the_matrix_is_what_the_tests_are() -> None:
    text = printed()
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)

    assert text == PAGE.read_text(), "write it anew with UPDATE_GOLDEN=1"


def test_every_fault_is_brought_about_somewhere() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]

    assert len(rows) == len(FAULTS) + 2
    assert [
        row[0] for row in rows[2:] if not {"test", "faults"} & {c.strip(" |") for c in row}
    ] == []
