"""SQL on its way to SQLite: what changes, and what must stay as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from airflow_ml_provider.domain.errors import QueryError, SchemaMismatchError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.sqlite.text import flat, spelled_out, translated


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT $1, $12", "SELECT ?1, ?12"),
        ('SELECT "a""b", "c`d"', 'SELECT `a"b`, `c``d`'),
        ("SELECT * FROM lab.x", "SELECT * FROM `lab.x` AS `x`"),
        ("SELECT * FROM lab.x AS y", "SELECT * FROM `lab.x` AS y"),
        ("SELECT * FROM lab.x y WHERE y.a", "SELECT * FROM `lab.x` y WHERE y.a"),
        ('SELECT lab.x.a FROM "lab"."x"', "SELECT x.a FROM `lab.x` AS `x`"),
        ("SELECT * FROM a.b, c.d", "SELECT * FROM `a.b` AS `b`, `c.d` AS `d`"),
        (
            "SELECT * FROM a.b LEFT JOIN c.d ON b.x = d.x, e.f",
            "SELECT * FROM `a.b` AS `b` LEFT JOIN `c.d` AS `d` ON b.x = d.x, `e.f` AS `f`",
        ),
        (
            "SELECT (SELECT 1 FROM a.b), t.x FROM (a.b JOIN (SELECT 1 FROM c.d)) t",
            "SELECT (SELECT 1 FROM `a.b` AS `b`), t.x FROM (`a.b` AS `b` JOIN (SELECT 1 FROM `c.d` AS `d`)) t",
        ),
        ("INSERT INTO a.b (x) SELECT 1", "INSERT INTO `a.b` (x) SELECT 1"),
        ("DELETE FROM a.b WHERE x", "DELETE FROM `a.b` AS `b` WHERE x"),
        ("DROP TABLE IF EXISTS a.b", "DROP TABLE IF EXISTS `a.b`"),
        ("CREATE TABLE a.b (x TEXT)", "CREATE TABLE `a.b` (x TEXT)"),
        ("SELECT CAST($1 AS TIMESTAMPTZ)", "SELECT +CAST(?1 AS TEXT)"),
        ("SELECT CAST(max(t) AS DATE) d", "SELECT date(max(t)  ) d"),
    ],
)
def test_what_sqlite_says_otherwise_is_said_so(sql, expected):
    assert translated(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'it''s \"x\" $1 FROM a.b' -- FROM a.b $1\n /* FROM a.b */ FROM t",
        "SELECT a.b, c.d FROM t AS a, u AS c WHERE a.b IS NOT DISTINCT FROM c.d",
        "SELECT * FROM main.t, temp.u",
        "SELECT count(a.b), max(a.b, a.c) FROM a WHERE (a.b, 1) IN (SELECT 1, 2)",
        "SELECT 1.5e-3, .5, x'00', `a`, [b.c] FROM a GROUP BY a.b ORDER BY a.b, a.c",
        "WITH a AS (SELECT 1 AS b) SELECT a.b FROM a",
        "SELECT CAST(a.b AS TEXT), CAST(1 AS REAL) FROM a",
        "UPDATE t SET token = token WHERE a = 1",
    ],
)
def test_what_sqlite_says_too_is_left_alone(sql):
    assert translated(sql) == sql


def test_a_cast_to_a_time_of_day_is_refused():
    with pytest.raises(QueryError, match="write time"):
        translated("SELECT CAST(t AS TIME) FROM x")


def test_names_that_would_be_one_name_are_refused():
    assert flat(TableName("a", "b")) == "a.b"
    for table in (TableName("a.b", "c"), TableName(None, "a.b")):
        with pytest.raises(SchemaMismatchError, match="dot"):
            flat(table)


def test_values_can_be_spelled_out():
    values = (None, 1, 1.5, float("-inf"), "it's\0", b"\x00\xff", 2**63 - 1)
    sql = ", ".join(f"?{number}" for number in range(1, len(values) + 1))
    with closing(sqlite3.connect(":memory:")) as connection:
        said = connection.execute(f"SELECT {spelled_out(sql, values)}, '?1'").fetchone()
    assert said == (*values, "?1")
