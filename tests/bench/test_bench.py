from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as shell
from tests.bench.figure import Figure, excess, ratio, table

CHECKOUT = Path(__file__).parents[2]


def printed(*arguments: str) -> list[list[str]]:
    """Run benchmarks at small sizes and return the cells of the lines they print."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = (line.split(" | ") for line in done.stdout.splitlines())
    return [[cell.strip() for cell in line] for line in lines if len(line) == 6][1:]


def figure_of(cells: list[str]) -> float:
    return float(cells[3].replace(",", ""))


@pytest.mark.airflow
def test_imports_and_dag_files_are_compared_with_those_written_by_hand() -> None:
    lines = printed("imports", "parsing")

    names = [line[0] for line in lines]
    assert "every operator, processor time" in names
    assert "task start, N=3: stub each / own file" in names
    assert all(math.isfinite(figure_of(line)) for line in lines)
    assert all(figure_of(line) > 0 for line in lines if "N=" in line[0])


def test_replacing_a_partition_is_compared_with_the_bare_engine() -> None:
    lines = printed("duckdb_rows", "verdict")

    names = [line[0] for line in lines]
    assert names[0] == "20,000 x 20 from Arrow"
    assert "500 partitions" in names
    assert all(math.isfinite(figure_of(line)) for line in lines)
    # Both sides have taken some time.
    assert all(re.match(r"[\d,]+(\.\d+)? m?s$", cell) for line in lines for cell in line[1:3])


def test_replacing_a_partition_is_compared_with_what_else_loads_one() -> None:
    lines = printed("sqlite_peers")

    peers = [line[0].removeprefix("2,000 x 20, ") for line in lines]
    assert peers == ["insert_rows", "insert_rows, executemany", "to_sql"]
    assert all(figure_of(line) > 0 for line in lines)


def test_a_stream_is_written_in_bounded_memory() -> None:
    lines = printed("stream")

    assert [line[5] for line in lines if "peak memory" in line[0]] == ["PASS", "PASS"]


def test_a_benchmark_that_breaks_is_named_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shell, "BENCHES", ("no_such_bench", "imports"))
    monkeypatch.setattr(sys, "argv", ["bench", "--quick"])

    assert shell.main() == 1

    said = capsys.readouterr().out
    assert "BROKEN: no_such_bench" in said
    assert "foreign modules" in said  # the others are measured all the same


def test_an_unknown_benchmark_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "parsign"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "no benchmark parsign" in done.stderr


def test_a_ratio_is_one_of_medians_and_misses_above_its_limit() -> None:
    figure = ratio("g", "n", [1.0, 5.0, 2.0], [1.0, 1.0, 9.0], "s", 1.9)

    assert (figure.value, figure.verdict) == (2.0, "MISS")


def test_an_excess_below_its_limit_passes() -> None:
    figure = excess("g", "n", [30.0], [10.0], "ms", 50, strict=True)

    assert (figure.value, figure.verdict) == (20.0, "PASS")


def test_a_strict_limit_is_missed_when_it_is_reached() -> None:
    assert Figure("g", "n", 5, None, "", 5, 5, strict=True).verdict == "MISS"
    assert Figure("g", "n", 5, None, "", 5, 5).verdict == "PASS"


def test_the_table_says_what_is_compared_above_each_group() -> None:
    text = table([Figure("rows", "n", 1, 2, "s", 0.5, 1)], {"rows": "ours\nbeside theirs"})

    assert "# rows\n#   ours\n#   beside theirs\nn " in text
