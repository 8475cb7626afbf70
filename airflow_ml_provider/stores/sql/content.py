"""The content of a slice: how many rows, which hash, and what the checks count, in one scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_ml_provider.domain.check import Expectations, measures
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.session import Dialect, Reader, RowSums
from airflow_ml_provider.stores.connection.statement import Statement, inside, quoted, quoted_table

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
    session: Reader,
    table: TableName,
    owned: Slice | None,
    expectations: Expectations = NOTHING,
    *,
    beside: bool = False,
    loaded: RowSums | None = None,
) -> Content:
    """
    Scan a slice: count its rows, hash its content and measure what the checks ask for.

    The hash is a sum over the rows, so their order does not count and duplicates do. Keys that
    must be unique take a scan of their own, and so does the hash where the engine has none,
    unless the rows have just been ``loaded``. ``beside``: as other transactions see the slice.
    """
    columns = session.columns(table)
    read = session.beside if beside else session.execute
    scan = _scan(session, table, columns, owned, expectations)
    rows, *numbers = read(scan.text, scan.values)[0]
    if session.hasher is None:
        hashes, *numbers = numbers
        sums = RowSums(int(rows), int(hashes or 0) % _WORD)
    else:
        wanted = _rows(session.dialect, table, owned)
        sums = loaded or session.hasher.hashed(wanted, beside=beside)
    names = [name for name, kind, _ in measures(expectations) if kind in _SINGLE_SCAN]
    counts = {"rows": int(rows), **dict(zip(names, map(int, numbers), strict=True))}
    for name, statement in _duplicates(session.dialect, table, owned, expectations):
        counts[name] = int(read(statement.text, statement.values)[0][0])
    digest = f"{session.dialect.algorithm}:{sums.rows}:{sums.hashes:016x}"
    return Content(int(rows), digest, schema_hash(columns), counts)


def schema_hash(columns: Sequence[Column]) -> str:
    """Return a fingerprint of names and types, blind to the order of columns."""
    return fingerprint(sorted((column.name, column.type) for column in columns))


def _scan(
    session: Reader,
    table: TableName,
    columns: Sequence[Column],
    owned: Slice | None,
    expectations: Expectations,
) -> Statement:
    """Return the SELECT of one scan: rows, the sum of hashes, then a count for each check."""
    dialect, wanted = session.dialect, ["count(*)"]
    where = inside(owned, dialect.edge)
    values = list(where.values)
    if session.hasher is None:
        row_hash = dialect.row_hash(sorted(columns, key=lambda column: column.name))
        wanted.append(f"sum({row_hash})")
    kinds = {column.name: column for column in columns}
    for _, kind, arguments in measures(expectations):
        if kind in _SINGLE_SCAN:
            breach = _breach(dialect, kinds, kind, arguments, values)
            wanted.append(f"count(CASE WHEN {breach} THEN 1 END)")
    source = f"{quoted_table(table)} WHERE {where.text}"
    return Statement(f"SELECT {', '.join(wanted)} FROM {source}", tuple(values))


def _rows(dialect: Dialect, table: TableName, owned: Slice | None) -> Statement:
    where = inside(owned, dialect.edge)
    return Statement(f"SELECT * FROM {quoted_table(table)} WHERE {where.text}", where.values)


def _duplicates(
    dialect: Dialect, table: TableName, owned: Slice | None, expectations: Expectations
) -> Iterator[tuple[str, Statement]]:
    """Yield, by measure, the SELECT that counts rows beyond the first of their key."""
    where = inside(owned, dialect.edge)
    for name, kind, arguments in measures(expectations):
        if kind in _SINGLE_SCAN:
            continue
        columns = ", ".join(quoted(str(column)) for column in arguments)
        groups = (
            f"SELECT count(*) - 1 AS extra FROM {quoted_table(table)} "
            f"WHERE {where.text} GROUP BY {columns} HAVING count(*) > 1"
        )
        text = f"SELECT coalesce(sum(extra), 0) FROM ({groups}) AS repeated"
        yield name, Statement(text, where.values)


def _breach(
    dialect: Dialect,
    columns: Mapping[str, Column],
    kind: str,
    arguments: tuple[object, ...],
    values: list[object],
) -> str:
    """Return the condition that a row breaks a check, adding what it binds to ``values``."""
    column, *bounds = arguments
    name = quoted(str(column))
    if kind == "nulls":
        return f"{name} IS NULL"
    if kind == "unaccepted":
        values += bounds
        last = len(values)
        binds = ", ".join(f"${i}" for i in range(last - len(bounds) + 1, last + 1))
        # A column that is not there is left to the engine, which names those that are.
        shown = dialect.shown(columns.get(str(column)) or Column(str(column), ""))
        return f"{shown} NOT IN ({binds})"
    sides = []
    for sign, bound in zip("<>", bounds, strict=True):
        if bound is not None:
            values.append(bound)
            sides.append(f"{name} {sign} ${len(values)}")
    return " OR ".join(sides) or "1 = 0"
