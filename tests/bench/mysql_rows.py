"""A partition replaced on MariaDB, beside LOAD DATA of a prepared file and INSERT … SELECT."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pymysql

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.mysql.encoding import lines
from airflow_ml_provider.stores.mysql.store import MysqlStore
from tests.bench import rows
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.replacing import BARE, OURS, Contest, added, pair
from tests.stores.mariadb import administer, running_mariadb

GROUP = "MySQL"
NOTE = """\
Ours: claim and Store.replace in an open store, from a pyarrow Table in memory: checks, content
hash, ledger. Beside it, on an open connection to the same MariaDB: START TRANSACTION, DELETE of
the slice, LOAD DATA LOCAL of a file made beforehand, COMMIT. Both replace one day of a table with
99 others, with the same columns and index. Pushed down: INSERT ... SELECT from a table in the
same database; ours hashes the new rows in a scan of their own. Fixed cost: 1,000 rows, as the
difference in milliseconds. Wall time is judged; below it is the processor time of client and
server together. Without a MariaDB server there are no figures."""
_MODE = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES"
_FORMAT = "CHARACTER SET binary FIELDS TERMINATED BY x'09' ESCAPED BY x'5C'"


class Bare:
    """A connection that replaces a partition with two statements in a transaction."""

    def __init__(self, location: str, day: rows.Partition, file: Path) -> None:
        socket = location.partition("unix_socket=")[2]
        self._connection = pymysql.connect(
            unix_socket=socket,
            user="ml",
            password="hunter2",  # noqa: S106  of a server that lives as long as this benchmark
            sql_mode=_MODE,
            autocommit=True,
            local_infile=True,
        )
        self._file = file
        self._run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        self._run("DROP TABLE IF EXISTS bench.bare")
        self._run("CREATE TABLE bench.bare LIKE bench.features")
        names = ", ".join(f'"{name}"' for name in day.rows.column_names)
        self._run(f"INSERT INTO bench.bare ({names}) SELECT {names} FROM bench.features")
        file.write_bytes(b"".join(map(lines, _plain(day).to_batches(65_536))))
        self._names = names

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by the rows of the file."""
        self._begin(partition.window)
        self._run(
            f"LOAD DATA LOCAL INFILE '{self._file}' INTO TABLE bench.bare {_FORMAT} ({self._names})"
        )
        self._run("COMMIT")

    def push(self, window: Window, sql: str) -> None:
        """Replace a partition by the answer of a SELECT."""
        cursor = self._connection.cursor()
        cursor.execute(f"{sql} LIMIT 0")
        names = ", ".join(f'"{name}"' for name, *_ in cursor.description)
        self._begin(window)
        self._run(f"INSERT INTO bench.bare ({names}) {sql}")
        self._run("COMMIT")

    def _begin(self, window: Window) -> None:
        self._run("START TRANSACTION")
        self._run(
            f"DELETE FROM bench.bare WHERE seen >= '{window.start:%Y-%m-%d}' "
            f"AND seen < '{window.end:%Y-%m-%d}'"
        )

    def _run(self, sql: str) -> None:
        self._connection.query(sql)


def _plain(day: rows.Partition) -> Any:
    return day.rows.combine_chunks()


def figures(*, quick: bool) -> list[Figure]:
    """Replace a large partition by rows and by SQL, then a small one."""
    if shutil.which("mariadbd") is None:
        print("mysql_rows: skipped, since no MariaDB server is installed", file=sys.stderr)
        return []
    many, others, rounds = (20_000, 200, 2) if quick else (1_000_000, 10_000, 3)
    memory = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G"]
    with (
        tempfile.TemporaryDirectory(prefix="my") as folder,
        running_mariadb(Path(folder), *memory) as location,
    ):
        large = _contest(location, Path(folder), many, others)
        loaded, pushed = large.loads(rounds), large.pushes(rounds)
        administer(location, "DROP DATABASE bench", "DELETE FROM ml_partition")
        fixed = _contest(location, Path(folder), 1_000, 1_000).loads(3 if quick else 40)
    size = f"{many:,} x {large.day.rows.num_columns}"
    return [
        *pair(GROUP, f"{size} from Arrow", loaded, 1.30),
        *pair(GROUP, f"{size} pushed down", pushed, 1.05),
        *added(GROUP, "fixed cost, 1,000 rows", fixed, 50),
    ]


def _contest(location: str, folder: Path, count: int, others: int) -> Contest:
    """Return both sides, each with a table of a hundred days, and the day that is replaced."""
    day = rows.partition(1, count)
    ours = Ours(MysqlStore(location))
    for one in (day, *rows.others(others)):
        ours.fill(rows.TABLE, one)
    ours.fill(rows.SOURCE, day)
    bare = Bare(location, day, folder / f"{count}.txt")
    server = psutil.Process(int((folder / "pid").read_text()))

    def work() -> float:
        times = server.cpu_times()
        return time.process_time() + times.user + times.system

    return Contest({OURS: ours, BARE: bare}, day, work)
