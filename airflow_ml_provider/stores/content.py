"""The content of a slice: how many rows, which hash, and what the checks count, in one scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_ml_provider.domain.check import Expectations, measures
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.session import Dialect, Session
from airflow_ml_provider.stores.sql import Statement, inside, quoted, quoted_table

NOTHING = Expectations()
_WORD = 2**64
_SINGLE_SCAN = ("nulls", "outside", "unaccepted")


@dataclass(frozen=True, slots=True)
class Content:
    """What a scan saw: rows, their hash, that of the columns, and a number for each check."""

    rows: int
    hash: str
    schema: str
    counts: Mapping[str, int]


def measured(
    session: Session,
    table: TableName,
    owned: Slice | None,
    expectations: Expectations = NOTHING,
    *,
    beside: bool = False,
) -> Content:
    """
    Scan a slice once: count its rows, hash its content and measure what the checks ask for.

    The hash is a sum over the rows, so their order does not count and duplicates do. Keys that
    must be unique take a second scan. ``beside``: as other transactions see the slice.
    """
    columns = session.columns(table)
    read = session.beside if beside else session.execute
    scan = _scan(session.dialect, table, columns, owned, expectations)
    rows, first, second, *numbers = read(scan.text, scan.values)[0]
    names = [name for name, kind, _ in measures(expectations) if kind in _SINGLE_SCAN]
    counts = {"rows": int(rows), **dict(zip(names, map(int, numbers), strict=True))}
    for name, statement in _duplicates(table, owned, expectations):
        counts[name] = int(read(statement.text, statement.values)[0][0])
    sums = "".join(f"{int(total or 0) % _WORD:016x}" for total in (first, second))
    digest = f"{session.dialect.algorithm}:{rows}:{sums}"
    return Content(int(rows), digest, schema_hash(columns), counts)


def schema_hash(columns: Sequence[Column]) -> str:
    """Return a fingerprint of names and types, blind to the order of columns."""
    return fingerprint(sorted((column.name, column.type) for column in columns))


def _scan(
    dialect: Dialect,
    table: TableName,
    columns: Sequence[Column],
    owned: Slice | None,
    expectations: Expectations,
) -> Statement:
    """Return the SELECT of one scan: rows, two sums of hashes, then a count for each check."""
    where = inside(owned)
    values = list(where.values)
    digest = _unused("ml_row_hash", columns)
    row_hash = dialect.row_hash(sorted(columns, key=lambda column: column.name))
    rows = f"SELECT *, {row_hash} AS {digest} FROM {quoted_table(table)} WHERE {where.text}"
    wanted = ["count(*)", f"sum({digest})", f"sum({dialect.remixed(digest)})"]
    for _, kind, arguments in measures(expectations):
        if kind in _SINGLE_SCAN:
            wanted.append(f"count(*) FILTER (WHERE {_breach(kind, arguments, values)})")
    text = f"SELECT {', '.join(wanted)} FROM {dialect.computed_once(rows)}"
    return Statement(text, tuple(values))


def _duplicates(
    table: TableName, owned: Slice | None, expectations: Expectations
) -> Iterator[tuple[str, Statement]]:
    """Yield, by measure, the SELECT that counts rows beyond the first of their key."""
    where = inside(owned)
    for name, kind, arguments in measures(expectations):
        if kind in _SINGLE_SCAN:
            continue
        columns = ", ".join(quoted(str(column)) for column in arguments)
        groups = (
            f"SELECT count(*) - 1 AS extra FROM {quoted_table(table)} "
            f"WHERE {where.text} GROUP BY {columns} HAVING count(*) > 1"
        )
        text = f"SELECT CAST(coalesce(sum(extra), 0) AS BIGINT) FROM ({groups}) AS repeated"
        yield name, Statement(text, where.values)


def _breach(kind: str, arguments: tuple[object, ...], values: list[object]) -> str:
    """Return the condition that a row breaks a check, adding what it binds to ``values``."""
    column, *bounds = arguments
    name = quoted(str(column))
    if kind == "nulls":
        return f"{name} IS NULL"
    if kind == "unaccepted":
        values += bounds
        last = len(values)
        binds = ", ".join(f"${i}" for i in range(last - len(bounds) + 1, last + 1))
        return f"CAST({name} AS TEXT) NOT IN ({binds})"
    sides = []
    for sign, bound in zip("<>", bounds, strict=True):
        if bound is not None:
            values.append(bound)
            sides.append(f"{name} {sign} ${len(values)}")
    return " OR ".join(sides) or "FALSE"


def _unused(name: str, columns: Sequence[Column]) -> str:
    taken = {column.name.lower() for column in columns}
    while name in taken:
        name += "_"
    return name
