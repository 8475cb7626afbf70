"""Lint: every fault of every file, for people, programs and GitHub."""

from __future__ import annotations

import json
from pathlib import Path

FAULTY = """\
system: shop
owner: growth
start: 2026-01-01
sources: {}
features:
  spend: {evry: day, entity: [customer], from: [], sql: spend.sql}
"""
BROKEN_CODE = """\
import sys

print("a module may print when it is imported")


def fit(dataset, params): ...


WEIGHT = 1
"""


def test_a_good_folder_has_no_faults(shell, shop: Path):
    answer = shell("lint", str(shop))

    assert (answer.code, answer.out, answer.err) == (0, "0 faults in 1 file\n", "")


def test_the_dags_folder_is_what_is_linted_by_default(shell, shop: Path, monkeypatch):
    assert shell("lint").out == "0 faults in 1 file\n"

    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(shop.parent / "elsewhere"))

    assert shell("lint").code == 1


def test_all_faults_of_all_files_are_told(shell, shop: Path, golden):
    (shop / "other.yaml").write_text(FAULTY)
    (shop / "third.yml").write_text(FAULTY.replace("start:", "strat:"))

    answer = shell("lint", "dags")

    assert answer.code == 1
    golden("lint.txt", answer.out)


def test_a_program_reads_json(shell, shop: Path):
    (shop / "other.yaml").write_text(FAULTY)

    answer = shell("lint", "dags", "--format", "json")

    assert answer.code == 1
    first, *_ = json.loads(answer.out)
    assert first == {
        "file": "dags/other.yaml",
        "line": 6,
        "severity": "error",
        "column": 3,
        "message": "features.spend: the key 'every' is missing",
        "hint": "How much time one partition covers.",
    }
    assert json.loads(shell("lint", "dags/shop.yaml", "--format", "json").out) == []


def test_github_reads_annotations(shell, shop: Path, golden):
    (shop / "other, 100%.yaml").write_text(FAULTY)

    answer = shell("lint", "dags", "--format", "github")

    assert answer.code == 1
    golden("lint_github.txt", answer.out)
    assert shell("lint", "dags/shop.yaml", "--format", "github").out == ""


def test_functions_are_imported_from_beside_the_file(shell, shop: Path, golden, mask):
    (shop / "shop_ml.py").write_text(BROKEN_CODE)
    (shop / "raises.py").write_text("raise RuntimeError('no licence')\n")
    (shop / "needs.py").write_text("import a_library_nobody_has\n")
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(
        text.replace("shop_ml:predict", "shop_ml:WEIGHT")
        .replace("shop_ml:fit", "shop_ml:fits\n    evaluate: needs:evaluate")
        .replace("sql: spend.sql", "python: raises:spend")
        .replace("time: moment\n    from", "time: moment\n    params: {a: 1}\n    from")
    )

    answer = shell("lint", "dags")

    assert answer.code == 1
    golden("lint_functions.txt", mask(answer.out))
    assert "a module may print" not in answer.out


def test_modules_of_the_same_name_in_two_folders_do_not_meet(shell, shop: Path):
    other = shop / "second"
    other.mkdir()
    (other / "shop_ml.py").write_text("def fit(dataset): ...\n")
    text = (shop / "shop.yaml").read_text().replace("system: shop", "system: second")
    (other / "second.yaml").write_text(text)
    (other / "spend.sql").write_text("SELECT 1")

    answer = shell("lint", "dags")

    assert "'shop_ml' has no function 'predict'" in answer.out
    assert "1 fault in 2 files" in answer.out


def test_two_files_that_would_make_one_dag_are_told(shell, shop: Path):
    (shop / "twin.yaml").write_text((shop / "shop.yaml").read_text())

    answer = shell("lint", "dags")

    assert answer.code == 1
    assert "dags/twin.yaml:1:1: the Dag shop.spend is made by dags/shop.yaml already" in answer.out


def test_yaml_of_others_is_left_alone_in_a_folder_and_not_when_it_is_named(shell, shop: Path):
    (shop / "compose.yaml").write_text("services:\n  postgres: {image: postgres}\n")
    hidden = shop / ".venv"
    hidden.mkdir()
    (hidden / "shop.yaml").write_text(FAULTY)

    assert shell("lint", "dags").out == "0 faults in 1 file\n"
    assert "unknown key 'services'" in shell("lint", "dags/compose.yaml").out


def test_a_file_that_does_not_exist_is_a_fault_and_an_unknown_option_a_usage_error(
    shell, shop: Path
):
    assert shell("lint", "dags/shpo.yaml").code == 1
    assert "Did you mean 'shop.yaml'" in shell("lint", "dags/shpo.yaml").out

    usage = shell("lint", "--frmat", "json")

    assert usage.code == 2
    assert "--frmat" in usage.err


def test_a_folder_without_a_system_is_not_called_good(shell, tmp_path: Path):
    answer = shell("lint", str(tmp_path))

    assert answer.code == 1
    assert answer.out == "No YAML file of a system was found. Name the file or its folder.\n"
