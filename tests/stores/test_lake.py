"""Lakes: two places, the tables and the ledger, that tell one story whatever happens in between."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_ml_provider.domain.errors import (
    FencedError,
    QueryError,
    SchemaMismatchError,
    TableMissingError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import ConflictError
from airflow_ml_provider.stores.lake.store import LakeStore
from airflow_ml_provider.stores.open import open_store
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.world import (
    NOW,
    READINGS,
    RECIPE,
    claim,
    day,
    put,
    readings,
    values,
    vouched,
)


@pytest.fixture
def store(lake_place: Place) -> Iterator[LakeStore]:
    with open_store(lake_place.kind, lake_place.location) as opened:
        assert isinstance(opened, LakeStore)
        yield opened


def version(store: LakeStore) -> str:
    seen = store._tables.open(READINGS)
    assert seen is not None
    return seen.version


def data_files(store: LakeStore) -> set[str]:
    """Return the names of all Parquet files with rows below the table's folder, used or not."""
    from pyarrow.fs import FileSelector

    place = store._tables._location
    chosen = FileSelector(place.of(READINGS).removeprefix("s3://"), recursive=True)
    found = place.filesystem().get_file_info(chosen)
    return {info.path for info in found if "/part-" in info.path}


def used_files(store: LakeStore) -> int:
    seen = store._tables.open(READINGS)
    assert seen is not None
    return len(seen.files)


def test_a_line_that_its_writer_could_not_note_is_found_in_the_table(lake_place: Place) -> None:
    with Attempt(Plan(lake_place, 3, 1.0, dies="committed")) as attempt:
        attempt.dies()
    with open_store(lake_place.kind, lake_place.location) as store:
        [line] = store.ledger.lines(READINGS, day(5).start, day(5).end)
        assert (line.token, line.committed_token, line.changed_token) == (1, 1, 1)
        assert (line.rows, line.recipe, line.start) == (3, RECIPE, day(5).start)
        assert line.unpublished
        assert store.ledger.line(READINGS, day(5).key) == line
        vouched(store, day(5))


def test_a_ledger_that_was_lost_is_written_again_from_the_tables(
    lake_place: Place, tmp_path: Path
) -> None:
    with open_store(lake_place.kind, lake_place.location) as store:
        for number, count in ((5, 3), (6, 4), (5, 2)):
            put(store, day(number), readings(day(number), count))
        before = store.ledger.lines(READINGS)
    ledger(lake_place, tmp_path).unlink()
    with open_store(lake_place.kind, lake_place.location) as store:
        assert store.ledger.lines(READINGS) == before
        assert claim(store, day(5)).token == 3
        put(store, day(5), readings(day(5), 1))
        vouched(store, day(5))


def test_a_ledger_that_was_restored_goes_on_from_the_tokens_of_the_tables(
    lake_place: Place, tmp_path: Path
) -> None:
    with open_store(lake_place.kind, lake_place.location) as store:
        put(store, day(5), readings(day(5), 3))
    shutil.copy(ledger(lake_place, tmp_path), tmp_path / "old")
    with open_store(lake_place.kind, lake_place.location) as store:
        for count in (4, 5, 6):
            put(store, day(5), readings(day(5), count))
    shutil.copy(tmp_path / "old", ledger(lake_place, tmp_path))
    with open_store(lake_place.kind, lake_place.location) as store:
        done = put(store, day(5), readings(day(5), 7))
        assert (done.line.token, done.line.committed_token) == (5, 5)
        vouched(store, day(5))


def ledger(lake_place: Place, folder: Path) -> Path:
    found = [*folder.glob("ledger.sqlite"), *folder.glob("lake/_ml_ledger.sqlite")]
    if not found:
        pytest.skip("the ledger is a server's database, and not a file")
    return found[0]


@pytest.mark.parametrize("count", [20, 3, 0], ids=["other rows", "the same rows", "no rows"])
def test_who_sleeps_before_his_commit_wakes_up_fenced(
    lake_place: Place, store: LakeStore, count: int
) -> None:
    put(store, day(5), readings(day(5), 3))
    with Attempt(Plan(lake_place, 40, 500.0, holds="noted")) as sleeper:
        sleeper.reaches("noted")
        newer = put(store, day(5), readings(day(5), count))
        assert newer.line.committed_token == 3
        sleeper.goes_on()
        assert sleeper.outcome().error == "FencedError"
    assert values(store, day(5)) == [1.0 + number for number in range(count)]
    vouched(store, day(5))


def test_who_sleeps_before_the_first_commit_wakes_up_fenced_by_no_rows_at_all(
    lake_place: Place, store: LakeStore
) -> None:
    with Attempt(Plan(lake_place, 40, 500.0, holds="noted")) as sleeper:
        sleeper.reaches("noted")
        assert put(store, day(5), readings(day(5), 0)).change is Change.WRITTEN
        sleeper.goes_on()
        assert sleeper.outcome().error == "FencedError"
    assert values(store, day(5)) == []
    assert data_files(store) == set()


def test_a_commit_to_another_partition_is_no_hindrance(
    lake_place: Place, store: LakeStore
) -> None:
    put(store, day(5), readings(day(5), 3))
    with Attempt(Plan(lake_place, 40, 500.0, holds="noted")) as sleeper:
        sleeper.reaches("noted")
        put(store, day(6), readings(day(6), 2))
        sleeper.goes_on()
        assert sleeper.outcome().change == "written"
    assert values(store, day(5)) == [500.0 + number for number in range(40)]
    assert values(store, day(6)) == [1.0, 2.0]
    vouched(store, day(6))


def test_unchanged_content_makes_no_commit(store: LakeStore) -> None:
    put(store, day(5), readings(day(5), 3))
    before = version(store), data_files(store)
    for token in (2, 3):
        again = put(store, day(5), readings(day(5), 3))
        assert (again.change, again.line.committed_token) == (Change.UNCHANGED, token)
    assert (version(store), data_files(store)) == before


def test_unchanged_content_still_fences_who_may_be_on_his_way(store: LakeStore) -> None:
    put(store, day(5), readings(day(5), 3))
    before = version(store), data_files(store)
    claim(store, day(5))  # and nobody knows what became of it
    again = put(store, day(5), readings(day(5), 3))
    assert (again.change, again.line.changed_token) == (Change.UNCHANGED, 1)
    assert version(store) != before[0]
    assert data_files(store) == before[1]
    seen = store._tables.open(READINGS)
    assert seen is not None
    assert seen.token(day(5).key) == 3


def test_a_claim_that_is_used_again_commits_under_a_new_token(store: LakeStore) -> None:
    mine = claim(store, day(5))
    put(store, day(5), readings(day(5), 3), claimed=mine)
    for count, token in ((2, 2), (1, 3)):
        done = put(store, day(5), readings(day(5), count), claimed=mine)
        assert (done.line.token, done.line.committed_token) == (token, token)
    newer = claim(store, day(5))
    with pytest.raises(FencedError):
        put(store, day(5), readings(day(5), 9), claimed=mine)
    put(store, day(5), readings(day(5), 4), claimed=newer)
    vouched(store, day(5))


@pytest.mark.parametrize("error", [ConflictError, UnavailableError])
def test_who_lost_the_answer_finds_his_own_commit(
    store: LakeStore, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    commit = store._tables.commit

    def answer_lost(*arguments: object) -> None:
        commit(*arguments)
        raise error("no answer")

    put(store, day(5), readings(day(5), 3))
    monkeypatch.setattr(store._tables, "commit", answer_lost)
    done = put(store, day(5), readings(day(5), 2))
    assert (done.change, done.line.committed_token) == (Change.WRITTEN, 2)
    assert used_files(store) == 1
    vouched(store, day(5))


def test_a_commit_that_never_arrived_fails_and_leaves_the_old_partition(
    store: LakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*arguments: object) -> None:
        raise UnavailableError("no answer")

    put(store, day(5), readings(day(5), 3))
    with monkeypatch.context() as patched:
        patched.setattr(store._tables, "commit", down)
        with pytest.raises(UnavailableError, match="no answer"):
            put(store, day(5), readings(day(5), 2))
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    assert put(store, day(5), readings(day(5), 2)).change is Change.WRITTEN


def test_what_is_refused_leaves_no_file_behind(store: LakeStore) -> None:
    put(store, day(5), readings(day(5), 3))
    before = data_files(store)
    old = claim(store, day(5))
    claim(store, day(5))
    with pytest.raises(FencedError):
        put(store, day(5), readings(day(5), 2), claimed=old)
    with pytest.raises(SchemaMismatchError):
        put(store, day(5), readings(day(5), 2).drop_columns(["value"]))
    assert data_files(store) == before
    assert list(store._home.iterdir()) == []


def test_what_a_killed_attempt_staged_is_cleared_away_in_time(lake_place: Place) -> None:
    with Attempt(Plan(lake_place, 40, 500.0, dies="audited")) as attempt:
        attempt.dies()
    with open_store(lake_place.kind, lake_place.location) as store:
        [left] = store._home.glob("attempt-*")
        put(store, day(5), readings(day(5), 3))
        assert left.exists()
        yesterday = (NOW - timedelta(days=1)).timestamp()
        for path in (left, *left.iterdir()):
            os.utime(path, (yesterday, yesterday))
        put(store, day(5), readings(day(5), 4))
        assert not left.exists()


def test_a_query_opens_the_tables_that_it_names_and_no_others(
    store: LakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = TableName("lab", "others")
    put(store, day(5), readings(day(5), 3))
    put(store, day(5), readings(day(5), 3), table=others)
    opened: list[TableName] = []
    reach = store._tables.open

    def watched(table: TableName) -> object:
        opened.append(table)
        return reach(table)

    monkeypatch.setattr(store._tables, "open", watched)
    text = (
        "WITH mine AS (SELECT * FROM lab.readings), noted AS (SELECT 'lab.others' AS said) "
        "SELECT count(*) AS n FROM mine, noted WHERE ts >= :start"
    )
    rows = store.query(Query(text, {"start": day(5).start})).read_all()
    assert rows.to_pylist() == [{"n": 3}]
    assert others not in opened
    assert READINGS in opened


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "SELECT 1; SET enable_external_access = true; SELECT * FROM read_csv('/etc/passwd')",
    ],
)
def test_a_query_reaches_neither_files_nor_the_network(store: LakeStore, text: str) -> None:
    with pytest.raises((QueryError, TableMissingError)):
        store.query(Query(text)).read_all()


def test_names_in_queries_are_those_of_the_folders_or_lower_case(store: LakeStore) -> None:
    put(store, day(5), readings(day(5), 3))
    rows = store.query(Query("SELECT count(*) AS n FROM Lab.READINGS")).read_all()
    assert rows.to_pylist() == [{"n": 3}]


def test_a_file_that_cannot_be_read_is_trouble_of_the_store(store: LakeStore) -> None:
    put(store, day(5), readings(day(5), 3))
    seen = store._tables.open(READINGS)
    assert seen is not None
    store._tables.discard(READINGS, seen.files)
    for ask in (
        lambda: store.scan(READINGS).read_all(),
        lambda: store.query(Query("SELECT * FROM lab.readings")).read_all(),
    ):
        with pytest.raises(UnavailableError, match=r"part-\w+\.parquet"):
            ask()
