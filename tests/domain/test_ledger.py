"""The ledger's line: when nothing has to be done, and what downstream has not been told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from airflow_ml_provider.domain.ledger import Line, Owner, Recipe, nothing_to_do
from airflow_ml_provider.domain.table import TableName

NOW = datetime(2013, 1, 6, tzinfo=UTC)
RECIPE = Recipe("code", "params", {"raw.flights": "v1"})
LINE = Line(
    TableName("flights", "delays"),
    "2013-01-05",
    token=3,
    owner="me",
    claimed_at=NOW,
    committed_token=3,
    committed_at=NOW,
    changed_token=3,
    rows=10,
    recipe=RECIPE,
)


def test_equal_recipe_and_rows_mean_nothing_to_do():
    assert "same code (code), parameters and inputs" in nothing_to_do(LINE, RECIPE, 10)


@pytest.mark.parametrize(
    ("line", "recipe", "rows"),
    [
        (None, RECIPE, 10),
        (replace(LINE, committed_token=None), RECIPE, 10),
        (LINE, replace(RECIPE, code="other"), 10),
        (LINE, replace(RECIPE, params="other"), 10),
        (LINE, replace(RECIPE, inputs={"raw.flights": "v2"}), 10),
        (LINE, RECIPE, 9),
        (LINE, RECIPE, None),
        (replace(LINE, recipe=Recipe("code", "params")), Recipe("code", "params"), 10),
    ],
    ids=[
        "no line",
        "uncommitted",
        "code",
        "params",
        "inputs",
        "rows",
        "no table",
        "inputs unknown",
    ],
)
def test_anything_else_is_computed_again(line, recipe, rows):
    assert nothing_to_do(line, recipe, rows) is None


def test_a_change_is_unpublished_until_it_is_confirmed():
    assert LINE.unpublished
    assert not replace(LINE, published_token=3).unpublished
    assert replace(LINE, published_token=3, changed_token=4).unpublished
    assert not replace(LINE, changed_token=None).unpublished


def test_an_owner_reads_like_an_address():
    assert str(Owner("d", "r", "t", 2, 3)) == "d/r/t[2]#3"
    assert str(Owner("d", "r", "t")) == "d/r/t#1"
