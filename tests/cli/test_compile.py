"""Compile: stubs are written, refreshed and deleted, and what stands in the way is told."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def without(text: str, section: str) -> str:
    return text[: text.index(f"{section}:")]


def test_stubs_are_written_once_checked_and_deleted_with_their_pipelines(
    shell, shop: Path, golden
):
    said = [shell("compile", "--check"), shell("compile"), shell("compile")]
    before = (shop / "shop__spend.py").stat().st_mtime_ns
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(without(text, "inference"))
    said += [shell("compile", "--check"), shell("compile"), shell("compile", "--check")]

    assert [answer.code for answer in said] == [1, 0, 0, 1, 0, 0]
    golden("compile.txt", "".join(f"{answer.out}\n" for answer in said))
    assert sorted(path.name for path in shop.glob("shop__*")) == [
        "shop__basket.py",
        "shop__spend.py",
    ]
    assert (shop / "shop__spend.py").stat().st_mtime_ns == before


def test_a_stub_that_is_as_it_must_be_is_not_touched(shell, shop: Path):
    shell("compile", "--into", "stubs")
    (stub,) = Path("stubs").glob("shop__spend.py")
    before = stub.stat()

    assert shell("compile", "--into", "stubs").out == "3 as they were\n"

    assert (stub.stat().st_mtime_ns, stub.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert f"{stub.stat().st_mode:o}" == "100644"


def test_what_stands_in_the_way_is_told_and_left_alone(shell, shop: Path, golden):
    (shop / "shop__spend.py").write_text("# by hand\n")
    (shop / "shop.py").write_text('load_pipelines(globals(), "shop.yaml")\n')
    (shop / "bad.yaml").write_text("system: bad\nfeatures: 7\n")

    answer = shell("compile")

    assert answer.code == 1
    golden("compile_hindered.txt", answer.out)
    assert (shop / "shop__spend.py").read_text() == "# by hand\n"


def test_the_stubs_of_a_file_that_became_faulty_stay(shell, shop: Path):
    shell("compile")
    (shop / "shop.yaml").write_text("system: shop\nfeatures: 7\n")

    answer = shell("compile")

    assert answer.code == 1
    assert len(list(shop.glob("shop__*.py"))) == 3


def test_stubs_of_a_yaml_that_is_gone_are_deleted(shell, shop: Path):
    shell("compile")
    (shop / "shop.yaml").rename(shop / "market.yaml")
    text = (shop / "market.yaml").read_text()
    (shop / "market.yaml").write_text(text.replace("system: shop", "system: market"))

    answer = shell("compile")

    assert answer.code == 0
    assert {path.name.partition("__")[0] for path in shop.glob("*__*.py")} == {"market"}


def test_a_folder_without_yaml_is_not_called_up_to_date(shell, tmp_path: Path):
    (tmp_path / "nowhere").mkdir()
    for words in ((), ("--check",)):
        answer = shell("compile", "nowhere", *words)

        assert answer.code == 1
        assert answer.out == "No YAML file of a system was found. Name the file or its folder.\n"
