from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.pipeline import FeatureView
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Calendar, Granularity
from airflow_ml_provider.proof.report import told
from airflow_ml_provider.proof.subject import Subject, moved
from airflow_ml_provider.proof.trial import ONCE, Left, Outcome, Report, Trial, compared, further

GOOD = Left(rows=3, ledger_rows=3, digest="abc", events=1)


def test_a_computation_is_killed_after_each_of_its_steps() -> None:
    trials = list(further(["claimed", "loaded", "claimed"]))

    assert trials == [
        Trial("run, and run again", (None, None)),
        Trial("killed when claimed", (1, None)),
        Trial("killed when loaded", (2, None)),
        Trial("killed when claimed (2)", (3, None)),
        Trial("two at once", (None, None), together=True),
    ]


@pytest.mark.parametrize(
    ("left", "fault"),
    [
        (GOOD, None),
        (replace(GOOD, rows=4, ledger_rows=4), "4 rows, the first run made 3"),
        (replace(GOOD, ledger_rows=2), "the ledger says 2 rows, 3 are there"),
        (replace(GOOD, digest="abd"), "other content from the same inputs"),
        (replace(GOOD, events=2), "2 events or versions instead of 1"),
        (replace(GOOD, events=0), "0 events or versions instead of 1"),
    ],
)
def test_what_is_not_as_the_first_run_left_it_is_told(left: Left, fault: str | None) -> None:
    found = list(compared(GOOD, left))

    assert len(found) == (fault is not None)
    assert all(sentence.startswith(fault or "") for sentence in found)


def test_a_report_shows_every_trial_and_every_fault() -> None:
    bad = Outcome(Trial("two at once", (None, None), together=True), None, ("first", "second"))
    report = Report("shop.spend", "2026-01-02", (Outcome(ONCE, GOOD, ()), bad))

    lines = told(report).splitlines()

    assert not report.proven
    assert lines[0] == "shop.spend 2026-01-02"
    assert lines[2].split() == ["run", "3", "1", lines[2].split()[3], "as", "it", "should", "be"]
    assert (lines[3].split("  ")[0], lines[3].split()[-1]) == ("two at once", "first")
    assert lines[4].strip() == "second"
    assert lines[5] == "Not proven: 1 of 2 trials left something else."


def view(table: str) -> FeatureView:
    return FeatureView(
        "shop.spend",
        TableName.parse(table),
        Calendar(Granularity.DAY),
        ("customer",),
        "day",
        sql="SELECT 1",
    )


def test_a_moved_pipeline_writes_to_the_scratch_schema_only() -> None:
    scratch = moved(view("shop.spend"), "lab")
    subject = Subject(scratch, scratch.calendar.window("2026-01-02"), Path())

    assert subject.tables == (TableName("lab", "shop__spend"),)
    assert scratch.name == "shop.spend"


def test_the_schema_of_the_real_table_is_no_scratch_schema() -> None:
    with pytest.raises(ConfigurationError, match="--into ml_proof"):
        moved(view("shop.spend"), "Shop")
