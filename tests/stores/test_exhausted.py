"""No room left: what a full disk and a full memory leave behind."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np
import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import (
    ExhaustedError,
    FailureClass,
    MLProviderError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.stores.duckdb.store import DuckDBStore
from airflow_ml_provider.stores.open import LAKES, open_store
from tests.stores.actor import Actor
from tests.stores.conftest import Place
from tests.stores.world import READINGS, day, put, readings, values, vouched


def noise(count: int) -> pa.Table:
    """Return rows that no engine can make small."""
    rows = readings(day(5), count)
    drawn = np.random.default_rng(1).random(count)
    return rows.set_column(2, "value", pa.array(drawn)).set_column(
        1, "sensor", pa.array(drawn.astype(str))
    )


def _write(stage: Connection, place: Place, count: int, most_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    try:
        with open_store(place.kind, place.location) as store:
            put(store, day(5), noise(count))
    except MLProviderError as error:
        stage.send([type(error).__name__, error.failure_class.value])
    else:
        stage.send(["written", None])


@pytest.fixture(params=["duckdb_file", "sqlite_file"])
def file(request: pytest.FixtureRequest) -> Place:
    place: Place = request.getfixturevalue(request.param)
    return place


@pytest.mark.parametrize(
    ("count", "most_bytes"), [(5_000, 65_536), (80_000, 2_000_000), (80_000, 3_000_000)]
)
def test_a_full_disk_leaves_the_old_partition(file: Place, count: int, most_bytes: int) -> None:
    with open_store(file.kind, file.location) as store:
        put(store, day(5), readings(day(5), 3))
        put(store, day(4), readings(day(4), 3))
        other = store.version(READINGS, "ts", day(4))
    with Actor(_write, file, count, most_bytes) as writer:
        assert writer.says() == ["ExhaustedError", "RESOURCE"]
    with open_store(file.kind, file.location) as store:
        assert values(store, day(5)) == [1.0, 2.0, 3.0]
        assert store.version(READINGS, "ts", day(4)) == other
        vouched(store, day(5))
        assert put(store, day(5), noise(count)).change is Change.WRITTEN
        vouched(store, day(5))


@pytest.fixture(params=LAKES)
def lake(request: pytest.FixtureRequest) -> Place:
    place: Place = request.getfixturevalue(request.param)
    return place


@pytest.mark.parametrize("most_bytes", [300_000, 1_000_000])
def test_a_full_disk_leaves_the_old_partition_of_a_lake(lake: Place, most_bytes: int) -> None:
    with open_store(lake.kind, lake.location) as store:
        put(store, day(5), readings(day(5), 3))
    with Actor(_write, lake, 80_000, most_bytes) as writer:
        assert writer.says() == ["ExhaustedError", "RESOURCE"]
    with open_store(lake.kind, lake.location) as store:
        assert values(store, day(5)) == [1.0, 2.0, 3.0]
        vouched(store, day(5))
        assert list(store._home.iterdir()) == []
        assert put(store, day(5), noise(80_000)).change is Change.WRITTEN
        vouched(store, day(5))


def test_a_full_memory_leaves_the_old_partition(duckdb_file: Place) -> None:
    with open_store(duckdb_file.kind, duckdb_file.location) as store:
        put(store, day(5), readings(day(5), 3))
        store._session.execute("SET memory_limit = '2MB'")
        store._session.execute("SET temp_directory = ''")
        with pytest.raises(ExhaustedError) as caught:
            put(store, day(5), noise(80_000))
        assert caught.value.failure_class is FailureClass.RESOURCE
        store._session.execute("SET memory_limit = '200MB'")
        assert values(store, day(5)) == [1.0, 2.0, 3.0]
        vouched(store, day(5))


def many(count: int) -> pa.Table:
    """Return rows of 100 bytes each."""
    place = pa.repeat(pa.scalar(day(5).start, pa.timestamp("us", "UTC")), count)
    text = pa.repeat(pa.scalar("x" * 80), count)
    return pa.table({"ts": place, "sensor": text, "value": pa.repeat(pa.scalar(1.0), count)})


def breaking_off(rows: pa.Table) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from rows.to_batches(max_chunksize=100_000)
        raise ZeroDivisionError

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def test_while_a_long_stream_comes_in_the_engine_keeps_little_and_then_what_it_likes(
    duckdb_file: Place,
) -> None:
    limits = []

    def limit(store: DuckDBStore) -> str:
        [[found]] = store.session.execute("SELECT current_setting('memory_limit')")
        return str(found)

    with open_store(
        duckdb_file.kind, duckdb_file.location, on_step=lambda _: limits.append(limit(store))
    ) as store:
        assert isinstance(store, DuckDBStore)
        usual = limit(store)
        put(store, day(5), readings(day(5), 3))
        assert set(limits) == {usual}
        put(store, day(5), many(3_000_000))
        bound = "190.7 MiB"
        assert limits[-4:] == [bound, bound, bound, usual]  # loaded, audited, noted, committed
        vouched(store, day(5))
        wide = readings(day(5), 300).set_column(1, "sensor", pa.array(["x" * 2**20] * 300))
        put(store, day(5), wide)
        assert set(limits[-4:]) == {usual}
        with pytest.raises(ZeroDivisionError):
            put(store, day(5), breaking_off(many(3_000_000)))
        assert limit(store) == usual
        vouched(store, day(5))
