"""The page on the language: written from the models, and in step with them."""

from __future__ import annotations

import os
from pathlib import Path

from airflow_ml_provider.spec import System
from airflow_ml_provider.spec.reference import reference

PAGE = Path(__file__).parents[2] / "airflow_ml_provider" / "doc" / "language.md"


def test_the_page_is_what_the_models_say() -> None:
    text = reference()
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)

    assert text == PAGE.read_text(), "run: airflow-ml schema --page > " + PAGE.name


def test_every_key_has_a_meaning() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]

    assert len(rows) > len(System.model_fields) + 20
    assert [row for row in rows if row.split(" | ")[-1].strip(" |") == ""] == []
