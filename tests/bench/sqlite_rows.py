"""A partition replaced on SQLite, beside executemany in one transaction."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.sqlite.store import SqliteStore
from tests.bench import rows
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.replacing import BARE, OURS, Contest, added, pair

GROUP = "SQLite"
NOTE = """\
Ours: claim and Store.replace in an open store: checks, content hash, ledger. Beside it, on an
open sqlite3 connection to a file of its own with the same table and index: BEGIN IMMEDIATE, DELETE
of the slice, executemany, COMMIT. Both replace one day of a table with 99 others by rows they
never had before, from the same pyarrow Table in memory, which the other side turns into rows
column by column (cast, to_pylist, zip), with no look at what SQLite would alter. Pushed down:
INSERT ... SELECT from a table in the same file; SQLite has no hash, so ours reads the rows back.
Fixed cost: the same with 1,000 rows, as the difference in milliseconds.
Wall time is judged; below it is the processor time."""


class Bare:
    """A connection that replaces a partition with two statements in a transaction."""

    def __init__(self, path: Path, like: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("ATTACH ? AS ours", (str(like),))
        for (made,) in run(
            "SELECT sql FROM ours.sqlite_master WHERE tbl_name LIKE 'bench.%'"
        ).fetchall():
            run(made)
        for table in ("bench.features", "bench.source"):
            run(f'INSERT INTO main."{table}" SELECT * FROM ours."{table}"')
        run("DETACH ours")

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by rows from memory."""
        names = ", ".join(partition.rows.column_names)
        binds = ", ".join("?" for _ in partition.rows.column_names)
        columns = [_plain(column).to_pylist() for column in partition.rows.columns]
        self._begin(partition.window)
        self._connection.executemany(
            f'INSERT INTO "bench.features" ({names}) VALUES ({binds})', zip(*columns, strict=True)
        )
        self._connection.execute("COMMIT")

    def push(self, window: Window, sql: str) -> None:
        """Replace a partition by the answer of a SELECT."""
        sql = sql.replace("bench.source", '"bench.source"')
        names = [name for name, *_ in self._connection.execute(f"{sql} LIMIT 0").description]
        self._begin(window)
        self._connection.execute(f'INSERT INTO "bench.features" ({", ".join(names)}) {sql}')
        self._connection.execute("COMMIT")

    def _begin(self, window: Window) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(
            'DELETE FROM "bench.features" WHERE seen >= ? AND seen < ?',
            (f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}"),
        )


def _plain(column: Any) -> Any:
    """Return a column of what sqlite3 takes."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us")).cast(pa.string())
    if pa.types.is_date(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    return column.cast(pa.int8()) if pa.types.is_boolean(kind) else column


def figures(*, quick: bool) -> list[Figure]:
    """Replace a large partition by rows and by SQL, then a small one."""
    many, others, rounds = (20_000, 200, 2) if quick else (1_000_000, 10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        large = _contest(Path(folder), many, others)
        loaded, pushed = large.loads(rounds), large.pushes(rounds)
        fixed = _contest(Path(folder), 1_000, 1_000).loads(3 if quick else 40)
    size = f"{many:,} x {large.day.rows.num_columns}"
    return [
        *pair(GROUP, f"{size} from Arrow", loaded, 1.20),
        *pair(GROUP, f"{size} pushed down", pushed, None),
        *added(GROUP, "fixed cost, 1,000 rows", fixed, 50),
    ]


def _contest(folder: Path, count: int, others: int) -> Contest:
    """Return both sides, each with a table of a hundred days, and the day that is replaced."""
    day = rows.partition(1, count)
    path = folder / f"ours_{count}.sqlite"
    ours = Ours(SqliteStore(path))
    for one in (day, *rows.others(others)):
        ours.fill(rows.TABLE, one)
    ours.fill(rows.SOURCE, day)
    return Contest({OURS: ours, BARE: Bare(folder / f"bare_{count}.sqlite", path)}, day)
