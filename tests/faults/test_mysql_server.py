"""A MariaDB server that dies, and one that has no room left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import ExhaustedError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.stores.open import open_store
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.mariadb import running_mariadb, started
from tests.stores.world import day, put, readings, values, vouched

pytestmark = [pytest.mark.faults, pytest.mark.mysql]

OLD, NEW = [1.0, 2.0, 3.0], [500.0 + number for number in range(40)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="my") as made:
        yield Path(made)


@pytest.mark.parametrize("step", ["claimed", "deleted", "loaded", "noted", "committed"])
def test_a_server_that_dies_comes_back_with_the_old_or_the_new_partition(
    folder: Path, step: str
) -> None:
    survived = step == "committed"
    with running_mariadb(folder) as location:
        place = Place("mysql", location)
        with open_store(place.kind, place.location) as store:
            put(store, day(5), readings(day(5), len(OLD)))
        with Attempt(Plan(place, len(NEW), NEW[0], holds=step)) as writer:
            writer.reaches(step)
            server = psutil.Process(int((folder / "pid").read_text()))
            server.kill()
            server.wait(60)
            writer.goes_on()
            assert writer.outcome().error == (None if survived else "UnavailableError")
    with started(folder) as again, open_store("mysql", again) as store:
        assert values(store, day(5)) == (NEW if survived else OLD)
        vouched(store, day(5))
        put(store, day(5), readings(day(5), 2, 7.0))
        assert values(store, day(5)) == [7.0, 8.0]
        vouched(store, day(5))


def test_a_full_disk_leaves_the_old_partition(folder: Path) -> None:
    # All tables share files of a fixed size.
    room = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M;ibdata2:16M"]
    with running_mariadb(folder, *room) as location, open_store("mysql", location) as store:
        put(store, day(5), readings(day(5), len(OLD)))
        with pytest.raises(ExhaustedError):
            put(store, day(5), pa.concat_tables([readings(day(5), 80_000, 500.0)] * 6))
        assert values(store, day(5)) == OLD
        vouched(store, day(5))
        assert put(store, day(5), readings(day(5), 2)).change is Change.WRITTEN
