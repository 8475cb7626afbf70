"""The peers: what else loads a partition from Python, each as its own documentation has it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.window import Window
from tests.bench import rows
from tests.bench.figure import Figure, ratio
from tests.bench.measure import Cost, cost, in_turns
from tests.bench.ours import Ours

if TYPE_CHECKING:
    import pyarrow as pa

Delete = Callable[[Window], None]
OURS = "ours"


@dataclass(frozen=True, slots=True)
class HookPeer:
    """
    Airflow's ``DbApiHook.insert_rows`` after a DELETE, which are two transactions or more.

    What it is given is made beforehand: tuples, in the order of the columns.
    """

    hook: Any
    table: str
    delete: Delete
    settings: Mapping[str, Any]
    plain: Callable[[pa.Table], pa.Table]

    def load(self, partition: rows.Partition) -> Cost:
        """Replace a partition by rows from memory."""
        table = self.plain(partition.rows)
        tuples = list(zip(*[column.to_pylist() for column in table.columns], strict=True))

        def write() -> None:
            self.delete(partition.window)
            self.hook.insert_rows(self.table, tuples, table.column_names, **self.settings)

        return cost(write)


@dataclass(frozen=True, slots=True)
class FramePeer:
    """
    ``pandas.DataFrame.to_sql`` after a DELETE, in one transaction.

    The frame is made beforehand, with Arrow's types, which lose no NULL and round no integer.
    """

    engine: Any
    place: Mapping[str, Any]
    delete: str
    plain: Callable[[pa.Table], pa.Table]
    method: Any = None

    def load(self, partition: rows.Partition) -> Cost:
        """Replace a partition by rows from memory."""
        import pandas as pd
        import sqlalchemy as sa

        frame = self.plain(partition.rows).to_pandas(types_mapper=pd.ArrowDtype)
        window = partition.window

        def write() -> None:
            with self.engine.begin() as connection:
                values = {"low": window.start, "high": window.end}
                connection.execute(sa.text(self.delete), values)
                frame.to_sql(
                    con=connection,
                    if_exists="append",
                    index=False,
                    chunksize=10_000,
                    method=self.method,
                    **self.place,
                )

        return cost(write)


class DltPeer:
    """
    dlt, which merges by the day: rows of the days that come replace those that are there.

    It takes the same Arrow table; its first load, which makes its tables, is off the clock.
    """

    def __init__(self, destination: Any, folder: Path, file_format: str) -> None:
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
        os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"] = "false"  # there is no Airflow to ask
        import dlt

        self._format = file_format
        self._pipeline = dlt.pipeline(
            "bench", pipelines_dir=str(folder), destination=destination, dataset_name="bench_dlt"
        )

    def load(self, partition: rows.Partition) -> Cost:
        """Replace a partition by rows from memory."""
        import dlt

        resource = dlt.resource(
            partition.rows,
            name="features",
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
            merge_key="day",
        )
        return cost(
            lambda: self._pipeline.run(
                resource, loader_file_format=self._format
            ).raise_on_failed_jobs()
        )


@dataclass(frozen=True, slots=True)
class OurSide:
    """Ours, as a peer."""

    ours: Ours

    def load(self, partition: rows.Partition) -> Cost:
        """Replace a partition by rows from memory."""
        return cost(lambda: self.ours.load(partition))


def quiet() -> None:
    """Keep hooks from telling of every thousand rows, between the figures."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def figures_of(
    group: str, day: rows.Partition, sides: Mapping[str, Any], rounds: int
) -> Iterator[Figure]:
    """Let all sides replace the day in turns, and yield our time over that of each peer."""
    for name, side in sides.items():
        _said(name, side.load(rows.again(day, 1)))  # what is made once is made now
    numbers = iter(range(2, 10_000))
    actions = {
        name: (lambda side=side: side.load(rows.again(day, next(numbers))).wall)
        for name, side in sides.items()
    }
    times = in_turns(rounds, actions)
    size = f"{day.rows.num_rows:,} x {day.rows.num_columns}"
    for name in sides:
        if name != OURS:
            yield ratio(group, f"{size}, {name}", times[OURS], times[name], "s")


def _said(name: str, first: Cost) -> None:
    import sys

    print(f"  {name}: {first.wall:.1f} s at first", file=sys.stderr, flush=True)
