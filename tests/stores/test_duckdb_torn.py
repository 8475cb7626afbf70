"""A DuckDB file whose checkpoint was torn by a kill: it is opened, and nothing is lost."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.stores.open import open_store
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.world import READINGS, day, put, readings, values, vouched

HEAD, BLOCK, PAGE = 3 * 4096, 262_144, 4096
SMALL, LARGE = 2_000, 80_000
# A small write is in the log until the file is closed, a large one is in the file at its commit.
CHECKPOINTS = [(SMALL, "committed"), (LARGE, "noted")]


def torn(path: Path, count: int, before: str) -> list[float]:
    """
    Leave a file as a process does that is killed in the middle of the checkpoint of a write.

    Its head and its log are those of before, and of each block that differs the first page is the
    new one: the kernel ends a write of many pages after any of them. Return the values that were
    there before the checkpoint.
    """
    place = Place("duckdb", str(path))
    with open_store(place.kind, place.location) as store:
        for number in (4, 5, 6):
            put(store, day(number), readings(day(number), 30))
    put_once(place, 20)
    shutil.copy(path.with_name(f"{path.name}.journal"), path.with_name("older"))
    aside = path.with_name("aside")
    aside.mkdir()
    with Attempt(Plan(place, count, 50.0, holds=before)) as attempt:
        attempt.reaches(before)
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copy(file, aside)
        attempt.goes_on()
        attempt.outcome()
    new, old = path.read_bytes(), bytearray((aside / path.name).read_bytes())
    for start in range(HEAD, len(old), BLOCK):
        if old[start : start + BLOCK] != new[start : start + BLOCK]:
            old[start : start + PAGE] = new[start : start + PAGE]
    path.write_bytes(old)
    (aside / path.name).unlink()
    for file in aside.glob("*.wal"):
        shutil.copy(file, path.parent)
    return (
        [50.0 + row for row in range(count)]
        if before == "committed"
        else list(map(float, range(1, 21)))
    )


def put_once(place: Place, count: int) -> None:
    with open_store(place.kind, place.location) as store:
        put(store, day(5), readings(day(5), count))


@pytest.mark.parametrize(("count", "before"), CHECKPOINTS, ids=["at its end", "at the commit"])
def test_a_file_whose_checkpoint_was_torn_is_opened_and_nothing_is_lost(
    tmp_path: Path, count: int, before: str
) -> None:
    path = tmp_path / "store.duckdb"
    expected = torn(path, count, before)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        duckdb.connect(path)

    with open_store("duckdb", str(path)) as store:
        assert values(store, day(5)) == expected
        for number in (4, 5, 6):
            vouched(store, day(number))
        put(store, day(5), readings(day(5), 3))
    put_once(Place("duckdb", str(path)), 4)
    with duckdb.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM lab.readings").fetchall() == [(64,)]


def test_blocks_of_another_head_are_not_put_back(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    torn(path, SMALL, "committed")
    content = path.read_bytes()
    # That of the checkpoint before: whole, and with the very block that is torn.
    shutil.copy(tmp_path / "older", path.with_name(f"{path.name}.journal"))

    with (
        open_store("duckdb", str(path)) as store,
        pytest.raises(UnavailableError, match="Corrupt database file"),
    ):
        values(store, day(5))
    assert path.read_bytes() == content


def test_the_journal_is_for_those_who_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    put_once(Place("duckdb", str(path)), 3)
    journal = path.with_name(f"{path.name}.journal")
    journal.unlink()
    path.chmod(0o600)

    put_once(Place("duckdb", str(path)), 4)

    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


def test_a_journal_that_is_cut_off_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    torn(path, SMALL, "committed")
    content = path.read_bytes()
    journal = path.with_name(f"{path.name}.journal")
    journal.write_bytes(journal.read_bytes()[:-1])

    with (
        open_store("duckdb", str(path)) as store,
        pytest.raises(UnavailableError, match="Corrupt database file"),
    ):
        values(store, day(5))
    assert path.read_bytes() == content


def test_the_file_stays_locked_while_other_stores_of_the_process_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who closes any descriptor of a file gives up the locks that the process has on it.
    monkeypatch.chdir(tmp_path)
    connect = "import duckdb, sys; duckdb.connect(sys.argv[1])"

    def refused() -> bool:
        command = [sys.executable, "-c", connect, str(tmp_path / "store.duckdb")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "Could not set lock" in done.stderr

    with open_store("duckdb", str(tmp_path / "store.duckdb")) as store:
        put(store, day(5), readings(day(5), 3))
        assert refused()
        with open_store("duckdb", "store.duckdb") as other:
            assert values(other, day(5)) == [1.0, 2.0, 3.0]
        store.scan(READINGS).read_all()
        assert refused()
    assert not refused()
