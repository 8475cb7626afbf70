from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from airflow_ml_provider.demo.processes import stop_all

if TYPE_CHECKING:
    import pytest

# A parent that does not listen, with a child in a session of its own that does not either.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
print(grandchild.pid, flush=True)
time.sleep(600)
"""


def start(source: str) -> tuple[subprocess.Popen[bytes], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as output:
        return process, output.readline().decode().strip()


def test_those_that_do_not_listen_are_killed_with_their_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = {signal.SIGTERM: 0.1, signal.SIGKILL: 5.0}
    monkeypatch.setattr("airflow_ml_provider.demo.processes._PATIENCE", quick)
    process, grandchild = start(STUBBORN)

    stop_all([process])

    assert not psutil.pid_exists(process.pid)
    assert not psutil.pid_exists(int(grandchild))


def test_those_that_listen_end_in_good_order(tmp_path: Path) -> None:
    told = tmp_path / "told"
    process, _ = start(
        "import pathlib, signal, sys\n"
        "def leave(*_):\n"
        f"    pathlib.Path({str(told)!r}).write_text('bye'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    stop_all([process])
    assert not psutil.pid_exists(process.pid)
    assert told.read_text() == "bye"


def test_what_has_ended_already_is_no_trouble() -> None:
    process, _ = start("print('gone')")
    process.wait()
    stop_all([process])
    assert process.returncode == 0
