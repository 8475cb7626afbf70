"""The page on writing systems: its examples are read here, in every profile."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from airflow_ml_provider.spec import World, load

PAGE = Path(__file__).parents[2] / "airflow_ml_provider" / "doc" / "systems.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_system_in_each_of_its_profiles(tmp_path: Path, example: str) -> None:
    (tmp_path / "spend.sql").write_text("SELECT 1")
    path = tmp_path / "shop.yaml"
    path.write_text(example)

    for profile in (None, *load(path).profiles):
        assert load(path, World(profile=lambda name=profile: name)).system.system == "shop"


def test_the_pipelines_it_names_are_those_of_its_matrix(tmp_path: Path) -> None:
    [example] = [each for each in EXAMPLES if "matrix:" in each]
    (tmp_path / "spend.sql").write_text("SELECT 1")
    (tmp_path / "shop.yaml").write_text(example)

    made = load(tmp_path / "shop.yaml").system.features

    assert all(f"`{name}`" in PAGE.read_text() for name in made)


def test_its_python_makes_the_dags_of_the_shop(monkeypatch, tmp_path: Path) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "shop_of_the_page.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)

    made = importlib.import_module("shop_of_the_page")

    assert {"shop.spend", "shop.churn", "shop.score"} <= set(vars(made))
