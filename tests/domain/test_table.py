"""Tables: their names, and the columns that rows must bring."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import ConfigurationError, SchemaMismatchError
from airflow_ml_provider.domain.table import TableName, matched_columns


def test_a_name_may_have_a_schema():
    assert TableName.parse("raw.flights") == TableName("raw", "flights")
    assert TableName.parse("flights") == TableName(None, "flights")


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "a.b.c"])
def test_a_name_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a table name"):
        TableName.parse(text)


@given(st.permutations(["a", "b", "c"]))
def test_columns_may_come_in_any_order(given_columns):
    assert matched_columns(["a", "b", "c"], given_columns, table="t") == tuple(given_columns)


def test_every_missing_and_unknown_column_is_named_with_a_suggestion():
    with pytest.raises(SchemaMismatchError) as caught:
        matched_columns(["origin", "delay"], ["origin", "dealy", "x", "x"], table="t")
    message = str(caught.value)
    assert "'delay' is missing" in message
    assert "'dealy' is unknown (did you mean 'delay'?)" in message
    assert "'x' comes twice" in message
