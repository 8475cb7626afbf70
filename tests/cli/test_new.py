"""New: a system that runs as it was written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def forgotten():
    """Forget the modules of the system, so that each test has its own."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.partition(".")[0] == "market_ml"]:
        del sys.modules[name]


def python(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_clean_its_tests_pass_and_it_computes_trains_and_predicts(shell, golden):
    golden("new.txt", shell("new", "market").out)

    assert shell("lint").out == "0 faults in 1 file\n"
    # A folder of its own, so that no configuration of ours counts.
    assert "3 passed" in python("-m", "pytest", "-q", "-c", "/dev/null", "dags/tests")
    assert "960 orders" in python("dags/market_ml/sample.py")
    for day in range(1, 8):
        assert shell("run", "market.daily_spend", "--partition", f"2026-01-0{day}").code == 0
    trained = shell("run", "market.next_order", "--partition", "2026-01-07")
    assert "promoted: version 1" in trained.out, trained.err
    shell("run", "market.daily_spend", "--partition", "2026-01-08")
    predicted = shell("run", "market.expected_order", "--partition", "2026-01-08")

    assert (predicted.code, predicted.err) == (0, "")
    golden("new_predicted.txt", _counts(predicted.out))


def _counts(text: str) -> str:
    return "".join(f"{line.split()[0]}\n" for line in text.splitlines())


@pytest.mark.airflow
def test_airflow_finds_its_dags_and_takes_nothing_else_for_a_dag_file(shell):
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.utils.file import list_py_file_paths

    shell("new", "market")

    assert list_py_file_paths("dags") == ["dags/market.py"]
    bag = BundleDagBag(dag_folder="dags", bundle_path=Path("dags"), load_op_links=False)
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["market.daily_spend", "market.expected_order", "market.next_order"]


def test_what_is_there_is_not_written_over_and_nothing_else_is_written(shell):
    Path("dags").mkdir()
    Path("dags/market.yaml").write_text("mine")

    answer = shell("new", "market")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "dags/market.yaml is there already. Nothing was written: choose another name, or another "
        "folder.\n"
    )
    assert [path.name for path in Path("dags").iterdir()] == ["market.yaml"]
    assert Path("dags/market.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["Store", "a__b", "1st", "../store", "a" * 40])
def test_a_name_that_no_system_can_have_is_refused(shell, name: str):
    answer = shell("new", name)

    assert answer.code == 1
    assert "cannot name a system" in answer.err
    assert not Path("dags").exists()
