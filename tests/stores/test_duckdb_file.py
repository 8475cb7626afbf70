"""The file of a DuckDB store: how it comes to be, and who may have it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.stores.duckdb import DuckDBStore
from tests.stores.attempt import LOADING, Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.world import day, put, readings, values


def test_a_file_appears_whole_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DuckDB asks whether a file exists before it locks it, so two that make it are in a race.
    path = tmp_path / "store.duckdb"
    real, sizes = duckdb.connect, []

    def connect(database: str, **more: object) -> duckdb.DuckDBPyConnection:
        if database == str(path):
            sizes.append(path.stat().st_size)
        return real(database, **more)

    monkeypatch.setattr(duckdb, "connect", connect)
    with DuckDBStore(path) as store:
        put(store, day(5), readings(day(5), 2))
        assert values(store, day(5)) == [1.0, 2.0]
    assert sizes
    assert min(sizes) > 0
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_another_process_holds_is_waited_for_and_its_holder_named(
    duckdb_file: Place,
) -> None:
    with Attempt(Plan(duckdb_file, 4, 1.0, holds=LOADING)) as holder:
        holder.reaches(LOADING)
        with (
            DuckDBStore(duckdb_file.location, lock_wait=0.1) as store,
            pytest.raises(UnavailableError, match=rf"held by process {holder.pid} .*python"),
        ):
            values(store, day(5))
        holder.goes_on()
        with DuckDBStore(duckdb_file.location) as patient:
            assert values(patient, day(5)) == [1.0, 2.0, 3.0, 4.0]


def test_what_is_no_duckdb_file_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "clock.duckdb"
    path.write_text("This is a diary.")
    with DuckDBStore(path) as store, pytest.raises(UnavailableError, match="cannot be opened"):
        put(store, day(5), readings(day(5), 2))
    assert path.read_text() == "This is a diary."
