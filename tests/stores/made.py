"""Rows that a SELECT makes, and what else engines say differently in these tests."""

from __future__ import annotations

from airflow_ml_provider.domain.ports import Query
from tests.stores.doors import engine_of
from tests.stores.world import day

_STANDARD = """
SELECT :start + n * INTERVAL '1 second' AS ts, 's' || CAST(n % 3 AS TEXT) AS sensor,
       CAST({value} AS DOUBLE PRECISION) AS value
FROM {numbers} AS made(n)
"""
_SERIES = "generate_series(0, :last)"
_SQLITE = """
WITH RECURSIVE made(n) AS {numbers}
SELECT datetime(:start, n || ' seconds') AS ts, 's' || (n % 3) AS sensor, {value} AS value
FROM made
"""
# Recursion ends at a thousand here, so large numbers are put together from small ones.
_MYSQL = """
WITH RECURSIVE part(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM part WHERE n < 499),
made(n) AS {numbers}
SELECT :start + INTERVAL n SECOND AS ts, 's' || (n % 3) AS sensor,
       CAST({value} AS DOUBLE PRECISION) AS value
FROM made
"""
_COUNTING = "(SELECT 0 UNION ALL SELECT n + 1 FROM made WHERE n < :last)"
_PARTS = """
(SELECT low.n + 500 * high.n FROM part AS high JOIN part AS low
ON high.n <= :last / 500 AND low.n + 500 * high.n <= :last)
"""
_SELECTS = {"mysql": (_MYSQL, _PARTS), "sqlite": (_SQLITE, _COUNTING)}
_ONE_TWICE = "(SELECT 1 UNION ALL SELECT 1)"


def made(
    kind: str,
    count: int,
    value: float,
    number: int = 5,
    *,
    missing: float | None = None,
    twice: bool = False,
) -> Query:
    """
    Return the SELECT that makes the same rows as ``readings`` in a kind of store.

    ``missing`` is a value in whose place there is NULL; ``twice`` makes the second row twice.
    """
    text, numbers = _SELECTS.get(engine_of(kind), (_STANDARD, _SERIES))
    wanted = ":value + n" if missing is None else f"nullif(:value + n, {missing:.1f})"
    return Query(
        text.format(value=wanted, numbers=_ONE_TWICE if twice else numbers),
        {"start": day(number).start, "value": value, "last": count - 1},
    )


def table_by_hand(kind: str, columns: str) -> list[str]:
    """Return the statements with which a person makes the table of readings."""
    schema = [] if engine_of(kind) == "sqlite" else ["CREATE SCHEMA lab"]
    if kind == "mysql":
        columns = columns.replace("TIMESTAMPTZ", "DATETIME(6)")
    return [*schema, f"CREATE TABLE lab.readings ({columns})"]
