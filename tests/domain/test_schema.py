"""Schema policies: which rows fit their table, and which columns it is given for them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.domain.schema import SchemaPolicy, added_columns

FAIL, ADD = SchemaPolicy.FAIL, SchemaPolicy.ADD_COLUMNS


@given(st.permutations(["a", "b", "c"]), st.sampled_from(SchemaPolicy))
def test_columns_may_come_in_any_order(given_columns, policy):
    assert added_columns(["a", "b", "c"], given_columns, policy, table="t") == ()


def test_every_missing_and_unknown_column_is_named_with_a_suggestion():
    with pytest.raises(SchemaMismatchError) as caught:
        added_columns(["origin", "delay"], ["origin", "dealy", "x", "x"], FAIL, table="t")
    message = str(caught.value)
    assert "'delay' is missing" in message
    assert "'dealy' is unknown (did you mean 'delay'?)" in message
    assert "'x' comes twice" in message
    assert "add_columns" not in message


def test_columns_that_the_table_lacks_are_added_where_that_is_asked_for():
    assert added_columns(["a"], ["x", "a", "y"], ADD, table="t") == ("x", "y")
    with pytest.raises(SchemaMismatchError, match="let 'schema: add_columns' add the new columns"):
        added_columns(["a"], ["x", "a", "y"], FAIL, table="t")


@pytest.mark.parametrize("given_columns", [["b", "x"], ["a"], ["a", "b", "x", "x"]])
def test_adding_columns_fills_none_in_and_takes_none_twice(given_columns):
    with pytest.raises(SchemaMismatchError, match="adds columns and leaves none out"):
        added_columns(["a", "b"], given_columns, ADD, table="t")
