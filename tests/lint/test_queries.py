"""SQL is looked at before a store is asked: one SELECT, and every value given and read."""

from __future__ import annotations

import pytest

from tests.lint.conftest import SYSTEM

PARAMS = SYSTEM.replace("sql: spend.sql", "sql: spend.sql, params: {least: 5, most: 9}")


def test_a_value_that_nobody_gives_is_told_where_it_is_asked_for(review):
    sql = "SELECT customer\nFROM raw.orders\nWHERE price >= :lest AND price < :most"

    fault, unread = review(PARAMS, sql=sql)

    assert fault.startswith("spend.sql:3:16: features.spend: nothing is given as ':lest'")
    assert "Did you mean 'least'?" in fault
    assert "warning: features.spend: its SQL never reads the param 'least'" in unread


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a[1:n] FROM (SELECT [1, 2] AS a, 2 AS n)",
        "SELECT {'a':b} FROM (SELECT 1 AS b)",
        "SELECT ':x', moment::date -- :y\n FROM o WHERE t BETWEEN :window_start AND :window_end",
    ],
)
def test_a_colon_that_means_something_else_is_left_alone(review, sql: str):
    assert review(sql=sql) == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT a,\n  sum(b c\nFROM o", "spend.sql:2:9: this SQL cannot be parsed"),
        ("SELECT a FROM o WHERE t >= :window_start AND AND", "spend.sql:1:46: this SQL cannot be"),
        ("SELECT 1; SELECT 2", "this is not one SELECT, but SELECT, SELECT"),
        ("DELETE FROM o", "this is not one SELECT, but DELETE"),
    ],
)
def test_sql_that_is_no_select_is_told(review, sql: str, told: str):
    [fault] = review(sql=sql)

    assert told in fault


def test_for_another_store_the_word_of_the_parser_is_a_warning(review):
    text = f"{SYSTEM}store: warehouse\nregistry: models\n"

    [fault] = review(text, sql="SELECT a b c FROM o")

    assert "warning: this SQL cannot be parsed" in fault
