from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_ml_provider.notifications.incident import (
    FailedTask,
    Incident,
    late_message_of,
    message_of,
)

GOLDEN = Path(__file__).parent / "golden"
URL = "https://airflow.example"


def incident(*failed: FailedTask, **changes: object) -> Incident:
    values: dict[str, object] = {
        "dag_id": "flights.expected_delays",
        "run_id": "asset_triggered__2013-01-05T00:00:00+00:00_x1",
        "partition_key": "2013-01-05",
        "owner": "ml-platform",
        "reason": "task_failure",
        "failed": failed,
        "base_url": URL,
    }
    return Incident(**{**values, **changes})  # type: ignore[arg-type]


DATA = FailedTask(
    "commit",
    -1,
    1,
    "DATA",
    "flights.expected_delays 2013-01-05: rows failed: 3 rows, required at least 50. "
    "Nothing was published, readers still see the earlier partition.",
)
KILLED = FailedTask("predict", 3, 3, killed=True)
SILENT = FailedTask("notify_partner")

CASES = {
    "one_task_with_its_cause": incident(DATA, not_run=("publish",)),
    "killed_silent_and_explained": incident(KILLED, SILENT, DATA),
    "timed_out_before_anything_failed": incident(reason="timed_out", partition_key=None),
    "the_ledger_is_down": incident(
        FailedTask("commit"), note="The ledger could not be asked for causes: it is locked."
    ),
    "no_address_of_airflow": incident(DATA, base_url=""),
}


@pytest.mark.parametrize("name", CASES)
def test_an_incident_is_told_as_in_its_golden_file(name: str) -> None:
    told = message_of(CASES[name])
    text = f"{told.subject}\n\n{told.text}\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_late_is_not_told_as_failed() -> None:
    told = late_message_of(incident())
    assert told.subject == "flights.expected_delays is late for partition 2013-01-05"
    assert "failed" not in told.text


def test_no_password_is_told() -> None:
    task = FailedTask("train", sentence="cannot reach postgresql://ml:hunter2@db/store")
    told = message_of(incident(task))
    assert "hunter2" not in told.text
    assert "postgresql://ml:***@db/store" in told.text


def test_a_hundred_failed_chunks_are_counted_and_not_all_listed() -> None:
    told = message_of(incident(*(FailedTask("predict", n, 1, killed=True) for n in range(100))))
    assert told.text.count("- predict[") == 20
    assert "- and 80 more" in told.text
    assert told.subject.endswith("predict[0] (killed) and 99 more")


def test_a_long_cause_is_cut() -> None:
    told = message_of(incident(FailedTask("train", sentence="no good\n" * 500)))
    assert max(len(line) for line in told.text.splitlines()) < 600
