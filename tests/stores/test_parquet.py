"""Parquet under manifests: what others see, who may commit, and what is cleared away when."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    FencedError,
    MissingExtraError,
    UnavailableError,
)
from airflow_ml_provider.stores.lake.files import Bounds, DataFile
from airflow_ml_provider.stores.lake.store import LakeStore
from airflow_ml_provider.stores.lake.tables import Exchange
from airflow_ml_provider.stores.open import open_store
from airflow_ml_provider.stores.parquet.clearing import KEPT_MANIFESTS, condemned, due
from airflow_ml_provider.stores.parquet.manifest import Manifest, facts_of
from airflow_ml_provider.stores.parquet.shelf import DiskShelf
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.http_relay import relayed
from tests.stores.world import READINGS, claim, day, owned, put, readings, values, vouched

YESTERDAY = 25 * 3600.0


@pytest.fixture
def store(parquet: Place) -> Iterator[LakeStore]:
    with open_store(parquet.kind, parquet.location) as opened:
        assert isinstance(opened, LakeStore)
        yield opened


@pytest.fixture
def folder(parquet: Place) -> Path:
    return Path(parquet.location) / "lab" / "readings"


def manifests(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in (folder / "_manifests").glob("*.json"))


def newest(folder: Path) -> dict[str, object]:
    path = folder / "_manifests" / f"{manifests(folder)[-1]:012d}.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


def parts(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("part-*.parquet")}


def age(path: Path) -> None:
    then = path.stat().st_mtime - YESTERDAY
    os.utime(path, (then, then))


def test_anybody_reads_our_rows_through_the_newest_manifest(
    store: LakeStore, folder: Path
) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(5), readings(day(5), 2, value=7.0))
    document = newest(folder)
    [(name, facts)] = document["files"].items()  # type: ignore[attr-defined]
    content = (folder / name).read_bytes()
    assert (facts["rows"], facts["bytes"]) == (2, len(content))
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    assert document["columns"] == {
        "ts": "timestamp[us, tz=UTC]",
        "sensor": "string",
        "value": "double",
    }
    line = document["partitions"][day(5).key]["line"]  # type: ignore[index]
    assert (line["committed_token"], line["recipe"]["params"]) == (2, "params")
    rows = duckdb.sql(f"SELECT value FROM read_parquet('{folder / name}') ORDER BY ts").fetchall()
    assert rows == [(7.0,), (8.0,)]


def test_a_commit_names_files_and_changes_none(store: LakeStore, folder: Path) -> None:
    put(store, day(5), readings(day(5), 3))
    [first] = folder.glob("part-*.parquet")
    before = first.read_bytes(), first.stat().st_mtime_ns
    put(store, day(5), readings(day(5), 2))
    put(store, day(6), readings(day(6), 2))
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert first.name not in newest(folder)["files"]  # type: ignore[operator]


def test_few_manifests_are_kept_however_many_were_made(store: LakeStore, folder: Path) -> None:
    for count in range(KEPT_MANIFESTS + 5):
        put(store, day(5), readings(day(5), count + 1))
    last = KEPT_MANIFESTS + 5
    assert manifests(folder) == list(range(last - KEPT_MANIFESTS + 1, last + 1))


def test_a_commit_into_a_place_that_was_cleared_is_no_commit(
    store: LakeStore, folder: Path
) -> None:
    put(store, day(5), readings(day(5), 1))
    sleeper = store._tables.open(READINGS)
    for count in range(KEPT_MANIFESTS + 5):
        put(store, day(6), readings(day(6), count + 1))
    assert manifests(folder)[0] > 2
    assert sleeper is not None
    with pytest.raises(Exception, match="number 2 or a later one"):
        store._tables.commit(READINGS, sleeper, Exchange(sleeper.schema))
    assert values(store, day(6)) == [1.0 + row for row in range(KEPT_MANIFESTS + 5)]
    put(store, day(5), readings(day(5), 2))
    assert 2 not in manifests(folder)  # the false one is cleared away


def test_files_of_yesterday_go_and_those_that_readers_may_need_stay(
    parquet: Place, folder: Path
) -> None:
    with open_store(parquet.kind, parquet.location) as store:
        put(store, day(5), readings(day(5), 3))
        old = parts(folder)
        stream = store.scan(READINGS)
        put(store, day(5), readings(day(5), 2))
        put(store, day(5), readings(day(5), 1))
        assert old < parts(folder)
        assert stream.read_all().num_rows == 3
        assert old < set(newest(folder)["condemned"])  # type: ignore[call-overload]
    _a_day_later(folder)
    with open_store(parquet.kind, parquet.location) as store:
        put(store, day(7), readings(day(7), 1))
        assert parts(folder) == set(newest(folder)["files"])  # type: ignore[call-overload]
        assert len(parts(folder)) == 2
        assert newest(folder)["condemned"] == {}


def _a_day_later(folder: Path) -> None:
    path = folder / "_manifests" / f"{manifests(folder)[-1]:012d}.json"
    document = json.loads(path.read_text())
    document["condemned"] = {
        name: until - YESTERDAY for name, until in document["condemned"].items()
    }
    path.write_text(json.dumps(document))


def test_what_a_dead_attempt_has_brought_is_cleared_away_in_time(
    parquet: Place, folder: Path
) -> None:
    with Attempt(Plan(parquet, 40, 500.0, dies="noted")) as attempt:
        attempt.dies()
    [dead] = folder.glob("part-*.parquet")
    foreign = folder / "notes.parquet"
    foreign.write_bytes(b"")
    with open_store(parquet.kind, parquet.location) as store:
        for count in range(21):
            put(store, day(6), readings(day(6), count + 1))
        assert dead.exists()  # it may be on its way still
        age(dead)
        age(foreign)
        for count in range(21):
            put(store, day(6), readings(day(6), count + 1))
    assert not dead.exists()
    assert foreign.exists()


def test_who_slept_for_a_day_commits_no_file_that_was_cleared_away(
    parquet: Place, folder: Path
) -> None:
    with open_store(parquet.kind, parquet.location) as store:
        put(store, day(6), readings(day(6), 1))
        with Attempt(Plan(parquet, 40, 500.0, holds="noted")) as sleeper:
            sleeper.reaches("noted")
            [brought] = parts(folder) - set(newest(folder)["files"])  # type: ignore[call-overload]
            age(folder / brought)
            for count in range(19):
                put(store, day(6), readings(day(6), count + 2))
            assert brought in newest(folder)["condemned"]  # type: ignore[operator]
            sleeper.goes_on()
            outcome = sleeper.outcome()
    assert (outcome.error, "was cleared away" in outcome.message) == ("UnavailableError", True)
    with open_store(parquet.kind, parquet.location) as store:
        assert store.count(READINGS, owned(day(5))) == 0
        put(store, day(5), readings(day(5), 3))
        vouched(store, day(5))


def test_a_manifest_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = DiskShelf(tmp_path / "shelf", keep_seconds=3600)
    assert shelf.create(1, b"one")

    def cut(handle: int) -> None:
        raise OSError(5, "the disk has gone")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", cut)
        with pytest.raises(UnavailableError, match="the disk has gone"):
            shelf.create(2, b"two")
    assert shelf.numbers() == [1]
    assert not shelf.create(1, b"another")
    assert (shelf.read(1), shelf.read(2)) == (b"one", None)
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == ["000000000001.json"]


def test_what_was_written_aside_by_the_killed_is_cleared_away(tmp_path: Path) -> None:
    shelf = DiskShelf(tmp_path, keep_seconds=3600)
    shelf.create(1, b"one")
    for name in ("aside-dead", "aside-alive"):
        (tmp_path / name).touch()
    age(tmp_path / "aside-dead")
    shelf.remove([])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000001.json", "aside-alive"]


def test_a_file_system_without_hard_links_is_told(
    store: LakeStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(ConfigurationError, match="without hard links"):
        put(store, day(5), readings(day(5), 3))
    assert store.columns(READINGS) == ()
    assert parts(folder) == set()


def test_a_reader_whose_manifest_is_cleared_away_looks_again(
    store: LakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, day(5), readings(day(5), 3))
    listed = DiskShelf.numbers
    answers: list[list[int]] = [[41], [42]]

    def behind(shelf: DiskShelf) -> object:
        return answers.pop() if answers else listed(shelf)

    monkeypatch.setattr(DiskShelf, "numbers", behind)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_a_manifest_of_a_later_version_is_not_guessed_at(store: LakeStore, folder: Path) -> None:
    put(store, day(5), readings(day(5), 3))
    path = folder / "_manifests" / "000000000001.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ConfigurationError, match="Install a newer version"):
        store.count(READINGS, owned(day(5)))


@given(
    low=st.one_of(st.none(), st.datetimes()),
    number=st.integers(-(2**63), 2**63 - 1),
    text=st.text(max_size=20),
)
def test_a_manifest_says_what_is_known_of_a_file(low: object, number: int, text: str) -> None:
    schema = pa.schema([("ts", pa.timestamp("us")), ("n", pa.int64()), ("text", pa.string())])
    bounds = {
        "ts": Bounds(low, low, 1),
        "n": Bounds(number, number, 0),
        "text": Bounds(text, text, 0),
    }
    file = DataFile("part-1.parquet", 3, 100, bounds, sha256="abc")
    made = Manifest(7, schema, {file.path: facts_of(file)}, {}, {"part-0.parquet": 1.5})
    read = Manifest.read("here", made.content(0.0))
    assert read == made
    assert read.file(file.path) == file


@given(
    seen=st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 100)),
    now=st.floats(0, 100),
    removed=st.sets(st.sampled_from("ghi")),
    stray=st.sets(st.sampled_from("jkl")),
)
def test_readers_keep_what_was_removed_for_all_of_the_grace(
    seen: dict[str, float], now: float, removed: set[str], stray: set[str]
) -> None:
    before = Manifest(1, pa.schema([]), {}, {}, seen)
    gone = due(before, now)
    after = condemned(seen, gone, removed, stray, now=now, keep_seconds=10.0)
    later = Manifest(2, pa.schema([]), {}, {}, after)
    assert set(after) == (set(seen) - set(gone)) | removed | stray
    assert not removed & set(due(later, now + 9.0))
    assert stray | removed <= set(due(later, now + 10.5))


def test_an_object_store_that_replaces_what_exists_is_refused_by_name(
    objects_server: str, parquet_s3: Place
) -> None:
    with relayed(objects_server, deaf_to="if-none-match") as relay:
        through = Place("parquet", relay.leads(parquet_s3.location))
        refused: list[Callable[[LakeStore], object]] = [
            lambda store: put(store, day(5), readings(day(5), 3)),
            lambda store: put(store, day(5), readings(day(5), 3)),
        ]
        for write in refused:
            with (
                open_store(through.kind, through.location) as store,
                pytest.raises(ConfigurationError, match=r"store of s3://lake-\w+/some/where has"),
            ):
                write(store)  # type: ignore[arg-type]
        assert relay.overheard() >= 4
    with open_store(parquet_s3.kind, parquet_s3.location) as store:
        assert store.columns(READINGS) == ()
        put(store, day(5), readings(day(5), 3))
        vouched(store, day(5))


def test_an_object_store_that_passed_once_is_asked_once(
    objects_server: str, parquet_s3: Place
) -> None:
    with relayed(objects_server) as relay:
        through = relay.leads(parquet_s3.location)
        probes = []
        for number in (5, 6):
            with open_store("parquet", through) as store:
                put(store, day(number), readings(day(number), 3))
                put(store, day(number), readings(day(number), 2))
            probes.append(relay.asked("PUT", "_ml_exclusive"))
    assert probes == [2, 3]


def test_a_claim_that_is_behind_is_fenced_on_a_shelf_too(store: LakeStore) -> None:
    old = claim(store, day(5))
    put(store, day(5), readings(day(5), 3))
    with pytest.raises(FencedError):
        put(store, day(5), readings(day(5), 1), claimed=old)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_without_the_library_it_says_what_to_install(
    parquet_s3: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "obstore", None)
    said = pytest.raises(MissingExtraError, match=r"'airflow-ml-provider\[lake\]'")
    with open_store(parquet_s3.kind, parquet_s3.location) as store, said:
        store.columns(READINGS)
