from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Owner, Recipe
from airflow_ml_provider.domain.table import TableName, TimeSlice
from airflow_ml_provider.domain.window import Calendar, Granularity
from airflow_ml_provider.stores.duckdb.store import DuckDBStore

NOW = datetime(2013, 2, 1, tzinfo=UTC)


def test_a_first_partition_larger_than_a_row_group_is_not_lost(tmp_path: Path) -> None:
    # More than 122,880 rows go in by several threads, into a table that this write makes.
    count = 300_000
    window = Calendar(Granularity.DAY).window("2013-01-05")
    begin = int(window.start.timestamp())
    seconds = pa.array([begin + number // 4 for number in range(count)], pa.int64())
    rows = pa.table({"seen": seconds.cast(pa.timestamp("s", "UTC")), "value": range(count)})
    table, owned = TableName("features", "large"), TimeSlice("seen", window.start, window.end)

    with DuckDBStore(tmp_path / "store.duckdb") as store:
        claim = store.claim(table, window.key, Owner("dag", "run", "task"), at=NOW)
        done = store.replace(
            claim,
            owned,
            rows,
            window=window,
            recipe=Recipe("code", "params"),
            expectations=Expectations(),
            at=NOW,
        )

        assert done.line.rows == count
        assert store.count(table, owned) == count
