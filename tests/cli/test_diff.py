"""Diff: what a change does to Dags, and to what they have made."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def changed(shop: Path) -> Callable[..., Path]:
    """Copy the shop, with words of one of its files replaced by others."""

    def change(file: str = "shop.yaml", **words: str) -> Path:
        folder = shop.parent / "new"
        shutil.copytree(shop, folder, dirs_exist_ok=True)
        text = (folder / file).read_text()
        for old, new in words.items():
            assert old in text
            text = text.replace(old, new)
        (folder / file).write_text(text)
        return folder

    return change


def states(answer) -> dict[str, str]:
    return {each["dag"]: each["state"] for each in json.loads(answer.out)}


def test_what_is_the_same_is_told_so(shell, shop: Path, changed):
    changed()

    assert shell("diff", "dags", "new").out == "nothing is different\n"
    assert json.loads(shell("diff", "dags", "new", "--format", "json").out) == []


def test_the_active_profile_is_compared(shell, shop: Path, changed, monkeypatch):
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(f"{text}\nprofiles: {{prod: {{owner: someone}}}}\n")
    changed(**{"owner: someone": "owner: somebody"})

    assert shell("diff", "dags", "new").out == "nothing is different\n"
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__PROFILE", "prod")
    assert "somebody" in shell("diff", "dags", "new").out


def test_a_change_is_followed_to_all_that_it_makes_stale(shell, shop: Path, changed, golden):
    changed("spend.sql", **{"sum(amount)": "max(amount)"})
    changed(**{"window: 4d": "window: 5d"})
    with (shop.parent / "new" / "spend.sql").open("a") as file:
        file.write("-- once more\n")

    answer = shell("diff", "dags", "new")

    assert (answer.code, answer.err) == (0, "")
    golden("diff.txt", answer.out)


def test_pipelines_come_and_go(shell, shop: Path, changed, golden):
    changed(**{"  expected:\n": "  forecast:\n"})

    golden("diff_added.txt", shell("diff", "dags", "new").out)


def test_a_check_makes_nothing_stale(shell, shop: Path, changed):
    changed(**{"rows: {min: 1}": "rows: {min: 2}"})

    (found,) = json.loads(shell("diff", "dags", "new", "--format", "json").out)

    assert found["changes"] == [{"fact": "checks.rows.min", "old": "1", "new": "2"}]
    assert found["effects"] == []


def test_changed_code_is_found_beside_each_yaml(shell, shop: Path, changed):
    changed("shop_ml.py", **{"labels = ": "values = labels = "})

    answer = shell("diff", "dags", "new", "--format", "json")

    found = {each["dag"]: each for each in json.loads(answer.out)}
    assert states(answer) == {"shop.basket": "changed", "shop.expected": "changed"}
    assert "stale by code" in found["shop.basket"]["effects"][0]["said"]
    assert "other code" in found["shop.expected"]["effects"][0]["said"]


def test_the_ledger_counts_what_is_made_again(shell, shop: Path, changed, golden):
    for day in ("01", "02", "03", "04"):
        shell("run", "shop.spend", "--partition", f"2026-01-{day}")
    shell("run", "shop.basket", "--partition", "2026-01-04")
    shell("run", "shop.expected", "--partition", "2026-01-04")
    changed("spend.sql", **{"sum(amount)": "max(amount)"})
    shell("run", "shop.spend", "--partition", "2026-01-05", "--dags", "new")

    golden("diff_counted.txt", shell("diff", "dags", "new", "--store").out)


def test_a_store_that_is_down_only_leaves_the_counts_out(shell, shop: Path, changed, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WH", "postgresql://me:hunter2@127.0.0.1:9/shop")
    changed(**{"owner: growth": "owner: growth\nstore: wh"})

    answer = shell("diff", "dags", "new", "--store")

    assert answer.code == 0
    assert "every partition is computed anew: another store" in answer.out
    assert "not counted: " in answer.out
    assert "hunter2" not in answer.out + answer.err


def test_a_faulty_file_hides_no_other_and_is_not_taken_for_one_without_pipelines(
    shell, shop: Path, changed
):
    folder = changed()
    text = (folder / "shop.yaml").read_text().replace("system: shop", "system: other")
    (folder / "other.yaml").write_text(text)
    (folder / "shop.yaml").write_text("system: shop\nfeatures: 7\n")

    answer = shell("diff", "dags", "new", "--format", "json")

    assert answer.code == 1
    assert "features: must be a mapping" in answer.err
    assert set(states(answer).values()) == {"added"}


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_commit_is_compared_with_what_is_there_now(shell, shop: Path):
    (shop.parent / "defaults.yaml").write_text("retries: 1\n")
    git(shop.parent, "init", "-q")
    git(shop.parent, "add", "dags", "defaults.yaml")
    git(shop.parent, "commit", "-qm", "first")
    assert shell("diff", "--against", "HEAD").out == "nothing is different\n"

    (shop.parent / "defaults.yaml").write_text("retries: 4\n")
    answer = shell("diff", "--against", "HEAD", "dags/shop.yaml", "--format", "json")

    assert json.loads(answer.out)[0]["changes"] == [{"fact": "retries", "old": "1", "new": "4"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--against", "nowhere"], "git rev-parse in dags: "),
        (["--against", "--output=x"], "git rev-parse in dags: "),
        (["dags"], "Name two files or folders"),
        (["dags", "gone"], "There is no file or folder gone."),
        (["a", "b", "--against", "HEAD"], "Name two files or folders"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_told(shell, shop: Path, words: list[str], said: str):
    git(shop.parent, "init", "-q")

    answer = shell("diff", *words)

    assert answer.code == 1
    assert said in answer.err
