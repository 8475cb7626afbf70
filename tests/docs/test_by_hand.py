"""The page on the system by hand: its lines are counted."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "airflow_ml_provider" / "doc" / "by_hand.md"
BY_HAND = ROOT / "tests" / "airflow" / "by_hand" / "flights_by_hand.py"
DAGS = ROOT / "dags"


def lines(*files: Path) -> int:
    """Count what is neither blank nor a comment."""
    found = [line.strip() for file in files for line in file.read_text().splitlines()]
    return len([line for line in found if line and not line.startswith(("#", "--"))])


def test_the_lines_are_those_of_the_files():
    select = lines(DAGS / "route_delays.sql")
    functions = lines(*sorted((DAGS / "flights_ml").glob("*.py")))
    counts = {
        "the pipelines": (lines(DAGS / "flights.yaml", DAGS / "flights.py"), lines(BY_HAND)),
        "the SELECT of the features, shared": (select, select),
        "the functions of the model, shared": (functions, functions),
    }
    text = PAGE.read_text()
    for name, (yaml, by_hand) in counts.items():
        text = re.sub(rf"^\| {name} \|.*$", f"| {name} | {yaml} | {by_hand} |", text, flags=re.M)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)

    assert text == PAGE.read_text(), "write it anew with UPDATE_GOLDEN=1"


def test_the_one_by_hand_uses_nothing_of_this_package():
    assert "airflow_ml_provider" not in BY_HAND.read_text()
