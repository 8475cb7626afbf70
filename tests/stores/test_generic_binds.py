"""Binds in the parameter styles of drivers: what is written, what is handed over, what is left."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import ConfigurationError, QueryError
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.stores.generic.binds import STYLES, require_one_select, translated
from tests.stores.conftest import Place
from tests.stores.doors import open_store

VALUES = ("a", "b")


@pytest.mark.parametrize(
    ("style", "text", "values"),
    [
        ("qmark", "SELECT ? + ?, ?", ("b", "a", "b")),
        ("format", "SELECT %s + %s, %s", ("b", "a", "b")),
        ("numeric", "SELECT :2 + :1, :2", ("a", "b")),
        ("named", "SELECT :p2 + :p1, :p2", {"p1": "a", "p2": "b"}),
        ("pyformat", "SELECT %(p2)s + %(p1)s, %(p2)s", {"p1": "a", "p2": "b"}),
    ],
)
def test_each_style_has_its_own_binds_and_values(style: str, text: str, values: object) -> None:
    bound = translated("SELECT $2 + $1, $2", style)
    assert bound.text == text
    assert bound.values(VALUES) == values


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "kept",
    [
        "'it''s $1 ? :x'",
        '"a "" $1"',
        "`a $1`",
        "-- $1 it's\n",
        "/* $1 ' */",
        "$$ $1 ' $$",
        "$tag$ $1 $$ $tag$",
        "cost$1",
        "x::date",
    ],
)
def test_text_names_and_comments_are_left_alone(style: str, kept: str) -> None:
    bound = translated(f"SELECT {kept}", style)
    assert bound.text == f"SELECT {kept}"
    assert not bound.order


@pytest.mark.parametrize(("style", "sign"), [("format", "%%"), ("pyformat", "%%"), ("qmark", "%")])
def test_a_percent_sign_is_said_twice_where_the_driver_would_take_it_for_a_bind(
    style: str, sign: str
) -> None:
    bound = translated("SELECT 7 % 4, '100%', \"a%s\" -- %\nWHERE $1", style)
    assert bound.text.count(sign) == 4
    assert translated("SELECT '100%'", style).text == "SELECT '100%'"


@given(st.lists(st.sampled_from(["$1", "$2", "'%$1'", "x", " % ", "--$2\n", '"$1"']), max_size=8))
def test_every_style_binds_the_same_values_in_the_same_places(pieces: list[str]) -> None:
    sql = " ".join(pieces)
    wanted = [VALUES[int(piece[1]) - 1] for piece in pieces if piece in {"$1", "$2"}]
    assert list(translated(sql, "qmark").values(VALUES)) == wanted
    pyformat = translated(sql, "pyformat")
    if wanted:
        plain = translated(sql, "qmark").text
        names = {f"p{number}": "?" for number in (1, 2)}
        assert pyformat.text % names == plain


def test_a_style_that_no_driver_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'dollar' is no parameter style"):
        translated("SELECT 1", "dollar")


@pytest.mark.parametrize(
    "sql", ["SELECT 1; SELECT 2", "DELETE FROM a", "", "-- nothing", "DROP x"]
)
def test_what_is_no_single_select_is_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="no single SELECT"):
        require_one_select(sql)


@pytest.mark.parametrize("sql", ["SELECT ';'", "WITH a AS (SELECT 1) SELECT * FROM a -- ;"])
def test_a_select_with_a_semicolon_in_text_is_one(sql: str) -> None:
    require_one_select(sql)


@pytest.mark.postgres
def test_percent_signs_and_values_reach_a_server_as_they_are(generic_postgres: Place) -> None:
    with open_store(generic_postgres.kind, generic_postgres.location) as store:
        query = Query("SELECT '100% of $1' AS a, :x AS b, 7 % 4 AS c", {"x": "50%"})
        assert store.query(query).read_all().to_pylist() == [
            {"a": "100% of $1", "b": "50%", "c": 3}
        ]
