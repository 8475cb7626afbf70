"""A stream of 50 million rows into one partition: what it takes, and what memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_ml_provider.stores.open import open_store
from tests.bench import rows, run
from tests.bench.figure import Figure
from tests.bench.measure import cost
from tests.bench.memory import peak
from tests.bench.ours import Ours

GROUP = "stream"
NOTE = """\
One Store.replace of a partition whose rows a generator makes, 65,536 at a time, in a process of
its own, from an empty store with default settings: checks, content hash, ledger. Memory: the peak
of that process, all of it, with its libraries. Seconds: those of the wall, with the making of the
rows, which is measured alone beside it."""
KINDS = {"DuckDB": "duckdb", "Delta": "delta"}
_BATCH = 65_536
_MOST_MIB = 512


def figures(*, quick: bool) -> list[Figure]:
    """Stream into each kind of store."""
    count = 200_000 if quick else 50_000_000
    made = run.in_fresh_process(_made, count)
    found: list[Figure] = []
    for name, kind in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            seconds, memory = run.in_fresh_process(_streamed, kind, folder, count)
        text = f"{count:,} rows into {name}"
        found += [
            Figure(GROUP, f"{text}, peak memory", memory, None, "MiB", memory, _MOST_MIB, True),
            Figure(GROUP, f"{text}, seconds", seconds, made, "s", seconds / made),
        ]
    return found


def _made(count: int) -> float:
    """Return the seconds that the rows take to be made."""
    return cost(lambda: [None for _ in _stream(count)]).wall


def _streamed(kind: str, folder: str, count: int) -> tuple[float, float]:
    """Return the seconds of a write and the peak of this process in MiB."""
    ours = Ours(open_store(kind, str(Path(folder, "store"))))
    began = time.perf_counter()
    ours.load(rows.Partition(rows.day(1), _stream(count)))
    seconds, memory = time.perf_counter() - began, peak()
    if ours.store.count(rows.TABLE, rows.slice_of(rows.day(1))) != count:
        msg = f"{kind} does not hold {count:,} rows: nothing was measured."
        raise RuntimeError(msg)
    return seconds, memory


def _stream(count: int) -> Any:
    """Return ``count`` rows of a day in the columns that are checked, and two more."""
    import pyarrow as pa

    pattern = rows.partition(1, _BATCH).rows.select(
        ["id", "seen", "price", "ratio", "carrier", "delay"]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, count, _BATCH):
            fresh = rows.again(rows.Partition(rows.day(1), pattern), first).rows
            yield from fresh.slice(0, min(_BATCH, count - first)).combine_chunks().to_batches()

    return pa.RecordBatchReader.from_batches(pattern.schema, batches())
