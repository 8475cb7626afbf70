"""Rows 3 and 4 on DuckDB: a partition replaced, beside the engine's own DELETE and INSERT."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.duckdb.store import DuckDBStore
from tests.bench import rows
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.replacing import BARE, OURS, Contest, added, pair

GROUP = "DuckDB"
NOTE = """\
Ours: claim and Store.replace in an open store: checks, content hash, ledger. Beside it, on an
open connection to a file of its own with the same tables: BEGIN, DELETE of the slice, INSERT ...
SELECT, COMMIT. Both replace one day of a table with 99 others by rows they never had before,
from the same pyarrow Table in memory or, pushed down, from a table in the same file.
Fixed cost: the same with 1,000 rows, as the difference in milliseconds.
Wall time is judged; below it is the processor time of all threads."""


class Bare:
    """A connection that replaces a partition with two statements in a transaction."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(str(path))
        self._connection.execute(
            "SET TimeZone = 'UTC'; SET enable_progress_bar = false; CREATE SCHEMA bench"
        )

    def make(self, table: str, days: list[rows.Partition]) -> None:
        """Make a table that holds ``days``."""
        for number, day in enumerate(days):
            start = f"INSERT INTO {table}" if number else f"CREATE TABLE {table} AS"
            self._connection.register("given", day.rows)
            self._connection.execute(f"{start} SELECT * FROM given")

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by rows from memory."""
        self._connection.register("given", partition.rows)
        self.push(partition.window, "SELECT * FROM given")

    def push(self, window: Window, sql: str) -> None:
        """Replace a partition by the answer of a SELECT."""
        run = self._connection.execute
        names = ", ".join(name for name, *_ in run(f"DESCRIBE ({sql})").fetchall())
        run("BEGIN")
        run(
            "DELETE FROM bench.features WHERE seen >= $1 AND seen < $2", [window.start, window.end]
        )
        run(f"INSERT INTO bench.features ({names}) {sql}")
        run("COMMIT")


def figures(*, quick: bool) -> list[Figure]:
    """Replace a large partition by rows and by SQL, then a small one."""
    many, others, rounds = (20_000, 200, 2) if quick else (1_000_000, 10_000, 7)
    with tempfile.TemporaryDirectory() as folder:
        large = _contest(Path(folder), many, others)
        loaded, pushed = large.loads(rounds), large.pushes(rounds)
        fixed = _contest(Path(folder), 1_000, 1_000).loads(3 if quick else 40)
    size = f"{many:,} x {large.day.rows.num_columns}"
    return [
        *pair(GROUP, f"{size} from Arrow", loaded, 1.10),
        *pair(GROUP, f"{size} pushed down", pushed, 1.05),
        *added(GROUP, "fixed cost, 1,000 rows", fixed, 50),
    ]


def _contest(folder: Path, count: int, others: int) -> Contest:
    """Return both sides, each with a table of a hundred days, and the day that is replaced."""
    day = rows.partition(1, count)
    days = [day, *rows.others(others)]
    bare = Bare(folder / f"bare_{count}.duckdb")
    bare.make("bench.features", days)
    bare.make("bench.source", [day])
    ours = Ours(DuckDBStore(folder / f"ours_{count}.duckdb"))
    for one in days:
        ours.fill(rows.TABLE, one)
    ours.fill(rows.SOURCE, day)
    return Contest({OURS: ours, BARE: bare}, day)
