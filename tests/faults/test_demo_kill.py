"""The main job under SIGKILL: a murdered task leaves the same tables as an undisturbed run."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

DAYS = 10
MURDERS = 4
BREATH_SECONDS = 20  # a task that was killed has ended by then, and is not killed on every try


def start_demo(store: str, home: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "airflow_ml_provider.cli",
        "demo",
        "--days",
        str(DAYS),
        "--home",
        str(home),
        "--store",
        store,
    ]
    with output.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


def digests(output: Path) -> dict[str, str]:
    return dict(re.findall(r"^digest (\S+)\s+(\S+)$", output.read_text(), re.MULTILINE))


def running_tasks(demo: psutil.Process) -> Iterator[psutil.Process]:
    for process in demo.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            title = " ".join(process.cmdline())
            if title.startswith("airflow worker -- ") and "LocalExecutor" not in title:
                yield process


def murder_tasks(demo: subprocess.Popen[bytes]) -> int:
    """Kill running task processes while the demo plays, one after the other."""
    killed, last = 0, 0.0
    watched = psutil.Process(demo.pid)
    while demo.poll() is None:
        rested = killed < MURDERS and time.monotonic() - last > BREATH_SECONDS
        for task in running_tasks(watched) if rested else ():
            with suppress(psutil.NoSuchProcess):
                task.send_signal(signal.SIGKILL)
                killed, last = killed + 1, time.monotonic()
                break
        time.sleep(0.05)
    return killed


@pytest.mark.faults
@pytest.mark.airflow
@pytest.mark.parametrize("store", ["duckdb", "lake"])
def test_killed_tasks_leave_the_same_tables_as_an_undisturbed_run(tmp_path: Path, store: str):
    calm = start_demo(store, tmp_path / "calm", tmp_path / "calm.txt")
    assert calm.wait(900) == 0, (tmp_path / "calm.txt").read_text()

    disturbed = start_demo(store, tmp_path / "disturbed", tmp_path / "disturbed.txt")
    killed = murder_tasks(disturbed)

    assert disturbed.returncode == 0, (tmp_path / "disturbed.txt").read_text()
    assert killed == MURDERS
    assert len(digests(tmp_path / "calm.txt")) == 3
    assert digests(tmp_path / "disturbed.txt") == digests(tmp_path / "calm.txt")
