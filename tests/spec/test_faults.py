"""Every fault of a file is told at once: where, what, and the cure."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError, FailureClass
from airflow_ml_provider.spec import Fault, SpecError, load

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


@pytest.fixture
def in_broken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(BROKEN)


@pytest.mark.usefixtures("in_broken")
@pytest.mark.parametrize("case", CASES)
def test_a_broken_file_is_told_in_these_words(case: str, golden):
    with pytest.raises(SpecError) as caught:
        load(f"{case}.yaml")

    golden(f"{case}.txt", f"{caught.value}\n")


@pytest.mark.usefixtures("in_broken")
@pytest.mark.parametrize("case", CASES)
def test_a_fault_points_into_the_file(case: str):
    with pytest.raises(SpecError) as caught:
        load(f"{case}.yaml")

    lines = Path(f"{case}.yaml").read_bytes().split(b"\n")
    for fault in caught.value.faults:
        assert fault.path == Path(f"{case}.yaml")
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1


@pytest.mark.usefixtures("in_broken")
def test_a_file_that_is_not_there_suggests_its_neighbour():
    with pytest.raises(SpecError, match=r"there is no such file\n.*Did you mean 'cycle.yaml'"):
        load("cylce.yaml")


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(SpecError, match="the file cannot be read: Is a directory"):
        load(tmp_path)


def test_a_file_that_is_too_large_is_not_parsed(system_file):
    path = system_file("# " + "x" * 300_000)

    with pytest.raises(SpecError, match="larger than 256 KiB"):
        load(path)


def test_a_fault_in_one_entry_does_not_hide_the_others(system_file):
    path = system_file(
        "system: shop\nowner: growth\nstart: 2026-01-01\nretires: 1\n"
        "sources:\n  orders: {table: raw.orders, tmie: at}\n"
        "features:\n"
        "  spend: {every: day, entity: [c], from: [orders, visits], sql: gone.sql}\n"
    )

    with pytest.raises(SpecError) as caught:
        load(path)

    told = [fault.message for fault in caught.value.faults]
    assert told == [
        "unknown key 'retires'",
        "sources.orders: the key 'time' is missing",
        "sources.orders: unknown key 'tmie'",
        "features.spend: unknown source 'visits'",
        "features.spend: there is no SQL file 'gone.sql'",
    ]


def test_it_is_a_configuration_error_that_no_retry_mends():
    error = SpecError([Fault(Path("a.yaml"), 1, 1, "wrong")])

    assert isinstance(error, ConfigurationError)
    assert error.failure_class is FailureClass.CONFIG


def test_it_survives_the_way_between_processes():
    error = SpecError([Fault(Path("a.yaml"), 2, 3, "wrong", "do this", "  x: 1", 4)])

    again = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert again.faults == error.faults
    assert str(again) == str(error)


def test_faults_come_in_the_order_of_the_file_and_each_once():
    late, early = (Fault(Path("a.yaml"), line, 1, "wrong") for line in (9, 2))

    assert SpecError([late, early, late]).faults == (early, late)
