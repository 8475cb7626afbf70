"""The file of a DuckDB store: how it comes to be, and who may have it."""

from __future__ import annotations

from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.domain.errors import ConfigurationError, UnavailableError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.duckdb import journal
from airflow_ml_provider.stores.duckdb.file import closed, gate
from airflow_ml_provider.stores.duckdb.store import DuckDBStore
from airflow_ml_provider.stores.open import open_store
from tests.stores.actor import Actor
from tests.stores.attempt import LOADING, Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.world import READINGS, claim, day, put, readings, values


def test_a_file_is_opened_and_closed_behind_its_gate_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DuckDB reads the head of a file before it locks it.
    path = tmp_path / "store.duckdb"
    connect, alone = duckdb.connect, []

    def watched(database: str, **more: object) -> duckdb.DuckDBPyConnection:
        alone.append(is_shut(database))
        return connect(database, **more)

    class Handle:
        def close(self) -> None:
            alone.append(is_shut(str(path)))

    monkeypatch.setattr(duckdb, "connect", watched)
    with DuckDBStore(path) as store:
        put(store, day(5), readings(day(5), 2))
    journal.hold(str(path))
    closed(Handle(), str(path))
    assert alone == [True, True]
    assert not is_shut(str(path))


def is_shut(path: str) -> bool:
    try:
        with gate(path):
            return False
    except BlockingIOError:
        return True


@pytest.mark.faults
def test_no_claim_is_lost_when_processes_open_and_close_a_file_by_turns(
    duckdb_file: Place,
) -> None:
    with ExitStack() as stack:
        claimants = [stack.enter_context(Actor(_claim, duckdb_file, 60)) for _ in range(6)]
        assert [claimant.says() for claimant in claimants] == ["done"] * 6
    with DuckDBStore(duckdb_file.location) as store:
        for number in (5, 6):
            line = store.ledger.line(READINGS, day(number).key)
            assert line is not None
            assert line.token == 6 * 60


def _claim(stage: Connection, place: Place, times: int) -> None:
    for _ in range(times):
        # Whoever comes by turns with so many others may wait long; that no claim is lost counts.
        with DuckDBStore(place.location, lock_wait=110.0) as store:
            claim(store, day(5))
            store.release()
            claim(store, day(6))
    stage.send("done")


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


def test_a_schema_of_the_name_of_its_file_is_refused_before_anything_is_computed(
    duckdb_file: Place,
) -> None:
    with open_store(duckdb_file.kind, duckdb_file.location) as store:
        for ask in (
            lambda: put(store, day(5), readings(day(5), 3), table=TableName("Store", "x")),
            lambda: store.scan(TableName("store", "x")),
        ):
            with pytest.raises(ConfigurationError, match=r"tore\.x cannot be in duckdb:.*another"):
                ask()
        put(store, day(5), readings(day(5), 3), table=TableName("stores", "x"))


def test_what_is_no_duckdb_file_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "clock.duckdb"
    path.write_text("This is a diary.")
    with DuckDBStore(path) as store, pytest.raises(UnavailableError, match="cannot be opened"):
        put(store, day(5), readings(day(5), 2))
    assert path.read_text() == "This is a diary."
