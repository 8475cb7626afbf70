from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from airflow_ml_provider.factory.shelf import Shelf, name_of


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "recipes")


def test_what_was_put_away_is_found(shelf: Shelf) -> None:
    assert shelf.fetch("a") is None

    shelf.put("a", b"one")
    shelf.put("a", b"two\nlines")

    assert shelf.fetch("a") == b"two\nlines"


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    shelf = Shelf(tmp_path / "file" / "recipes")

    shelf.put("a", b"one")

    assert shelf.fetch("a") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir(mode=0o500)
    shelf = Shelf(tmp_path / "recipes")

    shelf.put("a", b"one")

    assert shelf.fetch("a") is None


def test_a_place_that_cannot_be_replaced_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    Shelf(tmp_path).put("a", b"one")

    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_damage_anywhere_is_noticed(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("a", b"all that there is")
    file = tmp_path / "recipes" / "a"
    good = file.read_bytes()

    for place in range(len(good)):
        file.write_bytes(good[:place])
        assert shelf.fetch("a") is None
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert shelf.fetch("a") is None
    file.write_bytes(good + b"x")
    assert shelf.fetch("a") is None


def test_another_installation_finds_nothing(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put("a", b"one")

    monkeypatch.setattr("sys.version", "3.99")

    assert Shelf(tmp_path / "recipes").fetch("a") is None


def test_what_lies_under_the_name_of_another_is_not_found(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("a", b"one")
    (tmp_path / "recipes" / "a").rename(tmp_path / "recipes" / "b")

    assert shelf.fetch("b") is None


def test_a_name_tells_its_parts_apart() -> None:
    assert name_of("a", "bc") != name_of("ab", "c")
    assert len(name_of("x" * 10_000, "\udcff")) == len(name_of())


def _write(folder: Path, letter: bytes, ready: object) -> None:
    ready.wait()  # type: ignore[attr-defined]
    shelf = Shelf(folder)
    for size in range(1, 200):
        shelf.put("a", letter * size * 500)


def test_of_two_writers_at_once_a_reader_sees_one_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(3)
    writers = [
        context.Process(target=_write, args=(tmp_path, letter, ready)) for letter in (b"x", b"y")
    ]
    for writer in writers:
        writer.start()
    shelf = Shelf(tmp_path)
    ready.wait()
    seen: set[bytes] = set()
    while any(writer.is_alive() for writer in writers):
        found = shelf.fetch("a")
        if found is not None:
            assert found in (found[:1] * len(found),)
            seen.add(found[:1])
    for writer in writers:
        writer.join()

    assert shelf.fetch("a") in (b"x" * 199 * 500, b"y" * 199 * 500)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert seen
