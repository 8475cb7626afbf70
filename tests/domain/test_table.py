"""Tables: their names."""

from __future__ import annotations

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.table import TableName


def test_a_name_may_have_a_schema():
    assert TableName.parse("raw.flights") == TableName("raw", "flights")
    assert TableName.parse("flights") == TableName(None, "flights")


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "a.b.c"])
def test_a_name_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a table name"):
        TableName.parse(text)
