"""A partition replaced in a Delta and in an Iceberg table, beside each library's own overwrite."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.open import open_store
from tests.bench import rows
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.replacing import BARE, OURS, Contest, Side, added, pair

GROUP = "lakes"
NOTE = """\
Ours: claim and Store.replace in an open store: checks, content hash, a look at the rows that are
there, ledger, fsync of the files. Beside it, on a table of its own in the same folder:
write_deltalake(table, rows, mode="overwrite", predicate=...) and table.overwrite(rows, filter).
Both replace one day of a table with 99 others by rows they never had before, from the same
pyarrow Table in memory. Neither side has a file that two days share.
Fixed cost: the same with 1,000 rows, as the difference in milliseconds.
Wall time is judged; below it is the processor time of all threads."""


class BareDelta:
    """A Delta table that the library overwrites by a predicate."""

    def __init__(self, folder: Path, days: list[rows.Partition]) -> None:
        self._folder = folder
        for day in days:
            write_deltalake(folder, day.rows, mode="append")

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by rows from memory."""
        window = partition.window
        write_deltalake(
            DeltaTable(self._folder),
            partition.rows,
            mode="overwrite",
            predicate=f"seen >= '{window.start.isoformat()}' AND seen < '{window.end.isoformat()}'",
        )

    def push(self, window: Window, sql: str) -> None:
        """Do nothing: the library reads no SQL."""


class BareIceberg:
    """An Iceberg table that the library overwrites by a filter."""

    def __init__(self, folder: Path, days: list[rows.Partition]) -> None:
        folder.mkdir()
        self._catalog = SqlCatalog(
            "default", uri=f"sqlite:///{folder}/catalog.sqlite", warehouse=str(folder)
        )
        self._catalog.create_namespace("bench")
        table = self._catalog.create_table("bench.features", _without_short(days[0]).schema)
        for day in days:
            table.append(_without_short(day))

    def load(self, partition: rows.Partition) -> None:
        """Replace a partition by rows from memory."""
        window = partition.window
        of_the_day = And(
            GreaterThanOrEqual("seen", window.start.isoformat()),
            LessThan("seen", window.end.isoformat()),
        )
        table = self._catalog.load_table("bench.features")
        table.overwrite(_without_short(partition), of_the_day)

    def push(self, window: Window, sql: str) -> None:
        """Do nothing: the library reads no SQL."""


def _without_short(partition: rows.Partition) -> Any:
    """Return rows with the one short integer that Iceberg does not have in its next type."""
    table = partition.rows
    place = table.schema.get_field_index("gate")
    return table.set_column(place, "gate", table["gate"].cast("int32"))


def figures(*, quick: bool) -> list[Figure]:
    """Replace a large partition, then a small one, in each format."""
    many, others, rounds = (20_000, 200, 2) if quick else (1_000_000, 10_000, 7)
    found: list[Figure] = []
    for kind in ("delta", "iceberg"):
        with tempfile.TemporaryDirectory() as folder:
            large = _contest(kind, Path(folder), many, others)
            found += pair(GROUP, f"{kind}, {many:,} x 20 from Arrow", large.loads(rounds), 1.15)
            small = _contest(kind, Path(folder), 1_000, 1_000).loads(3 if quick else 15)
            found += added(GROUP, f"{kind}, fixed cost, 1,000 rows", small, 150)
    return found


def _contest(kind: str, folder: Path, count: int, others: int) -> Contest:
    """Return both sides, each with a table of a hundred days, and the day that is replaced."""
    day = rows.partition(1, count)
    days = [day, *rows.others(others)]
    ours = Ours(open_store(kind, str(folder / f"ours_{count}")))
    for one in days:
        ours.fill(rows.TABLE, one)
    bare: Side = (BareDelta if kind == "delta" else BareIceberg)(folder / f"bare_{count}", days)
    return Contest({OURS: ours, BARE: bare}, day)
