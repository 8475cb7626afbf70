"""The content of a slice: how many rows, which hash, and what the checks count, in one scan."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_ml_provider.domain.check import Expectations, measures
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.stores.connection.session import Dialect, Reader, RowSums
from airflow_ml_provider.stores.connection.statement import (
    Statement,
    column_list,
    inside,
    quoted,
    quoted_table,
)

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
    former: Collection[str] = (),
    beside: bool = False,
    loaded: RowSums | None = None,
) -> Content:
    """
    Scan a slice: count its rows, hash its content and measure what the checks ask for.

    The hash is a sum over the rows, so their order does not count and duplicates do. Keys that
    must be unique take a scan of their own, and so does the hash where the engine has none,
    unless the rows have just been ``loaded``. ``beside``: as other transactions see the slice.

    ``former`` are hashes of the columns under which the slice was written. Columns that were added
    later count from the first value in them on, so the hash does not change with their coming.
    """
    columns = session.columns(table)
    known = columns_of_old(columns, former)
    later = columns[len(known) :]
    read = session.beside if beside else session.execute
    scan = _scan(session, table, columns, known, owned, expectations)
    rows, *numbers = read(scan.text, scan.values)[0]
    filled, numbers = numbers[: len(later)], numbers[len(later) :]
    if any(filled):
        return measured(session, table, owned, expectations, beside=beside, loaded=loaded)
    if session.hasher is None:
        hashes, *numbers = numbers
        sums = RowSums(int(rows), int(hashes or 0) % _WORD)
    else:
        wanted = _rows(session.dialect, table, owned, known)
        if later or loaded is None:
            loaded = session.hasher.hashed(wanted, beside=beside)
        sums = loaded
    names = [name for name, kind, _ in measures(expectations) if kind in _SINGLE_SCAN]
    counts = {"rows": int(rows), **dict(zip(names, map(int, numbers), strict=True))}
    for name, statement in _duplicates(session.dialect, table, owned, expectations):
        counts[name] = int(read(statement.text, statement.values)[0][0])
    digest = f"{session.dialect.algorithm}:{sums.rows}:{sums.hashes:016x}"
    return Content(int(rows), digest, schema_hash(known), counts)


def columns_of_old(columns: Sequence[Column], former: Collection[str]) -> Sequence[Column]:
    """
    Return the columns that a table had when a slice was written, given hashes of them.

    Columns are added behind the others: those of old are the longest beginning with such a hash.
    Where none has, all of the columns count.
    """
    for count in range(len(columns), 0, -1) if former else ():
        if schema_hash(columns[:count]) in former:
            return columns[:count]
    return columns


def schema_hash(columns: Sequence[Column]) -> str:
    """Return a fingerprint of names and types, blind to the order of columns."""
    return fingerprint(sorted((column.name, column.type) for column in columns))


def _scan(
    session: Reader,
    table: TableName,
    columns: Sequence[Column],
    known: Sequence[Column],
    owned: Slice | None,
    expectations: Expectations,
) -> Statement:
    """
    Return the SELECT of one scan.

    Its columns: rows, values in each column that is not ``known``, the sum of hashes, then a
    count for each check.
    """
    dialect, wanted = session.dialect, ["count(*)"]
    wanted += [f"count({quoted(column.name)})" for column in columns[len(known) :]]
    where = inside(owned, dialect.edge)
    values = list(where.values)
    if session.hasher is None:
        row_hash = dialect.row_hash(sorted(known, key=lambda column: column.name))
        wanted.append(f"sum({row_hash})")
    kinds = {column.name: column for column in columns}
    for _, kind, arguments in measures(expectations):
        if kind in _SINGLE_SCAN:
            breach = _breach(dialect, kinds, kind, arguments, values)
            wanted.append(f"count(CASE WHEN {breach} THEN 1 END)")
    source = f"{quoted_table(table)} WHERE {where.text}"
    return Statement(f"SELECT {', '.join(wanted)} FROM {source}", tuple(values))


def _rows(
    dialect: Dialect, table: TableName, owned: Slice | None, columns: Sequence[Column] = ()
) -> Statement:
    where = inside(owned, dialect.edge)
    names = column_list(column.name for column in columns) or "*"
    return Statement(f"SELECT {names} FROM {quoted_table(table)} WHERE {where.text}", where.values)


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
        binds = [f"${i}" for i in range(last - len(bounds) + 1, last + 1)]
        # A column that is not there is left to the engine, which names those that are.
        shown = dialect.shown(columns.get(str(column)) or Column(str(column), ""))
        return dialect.not_among(shown, binds)
    sides = []
    for sign, bound in zip("<>", bounds, strict=True):
        if bound is not None:
            values.append(bound)
            sides.append(f"{name} {sign} ${len(values)}")
    return " OR ".join(sides) or "1 = 0"
