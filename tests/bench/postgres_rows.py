"""Rows 3 and 4 on PostgreSQL: a partition replaced, beside the engine's own DELETE and COPY."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.postgres.store import PostgresStore
from tests.bench import memory, rows, run, server
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.replacing import BARE, OURS, Contest, added, at_rest, pair

GROUP = "PostgreSQL"
NOTE = """\
Ours: claim and Store.replace in an open store, from a pyarrow Table in memory: checks, content
hash, ledger. Beside it, on an open psycopg connection: BEGIN, DELETE of the slice, COPY ... FROM
STDIN (FORMAT binary) of a file made beforehand, COMMIT. Both replace one day of a table with 99
others, with the same columns and index; the server vacuums and checkpoints between measurements.
Pushed down: INSERT ... SELECT from a table in the same database. Fixed cost: 1,000 rows, as the
difference in milliseconds. Wall time is judged; below it is the processor time of client and
server together. Memory: what the peak of a process of its own, which replaces the partition from
a file that it streams, lies above what it held with its libraries loaded and the store open."""
_MB = 1 << 20


class Bare:
    """A connection that replaces a partition with two statements in a transaction."""

    def __init__(self, uri: str, file: Path) -> None:
        self._connection = psycopg.connect(uri)
        self._file = file
        with self._connection.transaction():
            self._run("CREATE TABLE bench.bare (LIKE bench.features INCLUDING ALL)")
            self._run("INSERT INTO bench.bare SELECT * FROM bench.features")
            window = rows.day(1)
            copying = self._connection.cursor().copy(
                "COPY (SELECT * FROM bench.bare WHERE seen >= %s AND seen < %s) "
                "TO STDOUT (FORMAT binary)",
                (window.start, window.end),
            )
            with copying as blocks, file.open("wb") as out:
                out.writelines(blocks)

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by the rows of the file."""
        with self._connection.transaction():
            self._delete(partition.window)
            with (
                self._connection.cursor().copy(
                    "COPY bench.bare FROM STDIN (FORMAT binary)"
                ) as copy,
                self._file.open("rb") as given,
            ):
                while block := given.read(_MB):
                    copy.write(block)

    def push(self, window: Window, sql: str) -> None:
        """Replace a partition by the answer of a SELECT."""
        names = ", ".join(self._run(f"SELECT * FROM ({sql}) AS answer LIMIT 0"))
        with self._connection.transaction():
            self._delete(window)
            self._run(f"INSERT INTO bench.bare ({names}) {sql}")

    def _delete(self, window: Window) -> None:
        self._connection.execute(
            "DELETE FROM bench.bare WHERE seen >= %s AND seen < %s", (window.start, window.end)
        )

    def _run(self, sql: str) -> list[str]:
        """Run a statement and return the names of the columns of its answer."""
        answer = self._connection.execute(sql)
        return [column.name for column in answer.description or ()]


def figures(*, quick: bool) -> list[Figure]:
    """Replace a large partition by rows and by SQL, then a small one."""
    many, others, rounds = (20_000, 200, 2) if quick else (1_000_000, 10_000, 3)
    with server.running() as postgres, tempfile.TemporaryDirectory() as folder:
        large = _contest(postgres.database("large"), Path(folder), many, others)
        loaded, pushed = large.loads(rounds), large.pushes(rounds)
        extra = _memory(postgres.database("fresh"), Path(folder), large.day)
        small = _contest(postgres.database("small"), Path(folder), 1_000, 1_000)
        fixed = small.loads(3 if quick else 40)
    size = f"{many:,} x {large.day.rows.num_columns}"
    return [
        *pair(GROUP, f"{size} from Arrow", loaded, 1.30),
        Figure(GROUP, f"{size}, extra memory", extra, None, "MiB", extra, 256, strict=True),
        *pair(GROUP, f"{size} pushed down", pushed, 1.05),
        *added(GROUP, "fixed cost, 1,000 rows", fixed, 50),
    ]


def _contest(postgres: server.Server, folder: Path, count: int, others: int) -> Contest:
    """Return both sides, each with a table of a hundred days, and the day that is replaced."""
    day = rows.partition(1, count)
    ours = Ours(PostgresStore(postgres.uri))
    for one in (day, *rows.others(others)):
        ours.fill(rows.TABLE, one)
    ours.fill(rows.SOURCE, day)
    bare = Bare(postgres.uri, folder / f"{count}.copy")
    # A small partition leaves nothing behind that is worth a rest.
    rest = postgres.rest if count > others else at_rest
    return Contest({OURS: ours, BARE: bare}, day, postgres.work, rest)


def _memory(postgres: server.Server, folder: Path, day: rows.Partition) -> float:
    """Return the MiB that a process needs to load the day, over those of its libraries."""
    import pyarrow as pa

    file = folder / "day.arrow"
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_stream(out, day.rows.schema) as stream:
        stream.write_table(day.rows, max_chunksize=65_536)
    return run.in_fresh_process(_streamed, postgres.uri, file)


def _streamed(uri: str, file: Path) -> float:
    import pyarrow as pa

    ours = Ours(PostgresStore(uri))
    ours.load(rows.partition(1, 1_000))
    with pa.OSFile(str(file)) as given, pa.ipc.open_stream(given) as stream:
        before = memory.resident()
        memory.forget_peak()
        ours.load(rows.Partition(rows.day(1), stream))
    return memory.peak() - before
