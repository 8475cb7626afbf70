"""Readiness: what is missing before a window may be computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from airflow_ml_provider.domain.readiness import (
    Condition,
    SourceFacts,
    SourceRule,
    Verdict,
    committed_condition,
    readiness,
    source_conditions,
)

END = datetime(2013, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def judge(rule, rows=500, newest=END, now=END + HOUR):
    return readiness(
        source_conditions("flights", rule, SourceFacts(rows, newest), end=END, now=now)
    )


def test_a_source_without_rules_is_ready():
    assert judge(SourceRule()).verdict is Verdict.READY


def test_too_few_rows_wait_and_say_how_many_are_there():
    verdict = judge(SourceRule(rows_min=300), rows=12)

    assert verdict.verdict is Verdict.WAIT
    assert (
        verdict.reason
        == "WAIT, because flights rows: 12 rows in the window, required at least 300"
    )


def test_the_watermark_must_reach_the_end_of_the_window():
    assert judge(SourceRule(watermark=True), newest=END - HOUR).verdict is Verdict.WAIT
    assert judge(SourceRule(watermark=True), newest=END).verdict is Verdict.READY


def test_a_quiet_feed_counts_as_complete_once_the_lateness_is_over():
    rule = SourceRule(watermark=True, lateness=6 * HOUR)

    assert judge(rule, newest=END - HOUR, now=END + 5 * HOUR).verdict is Verdict.WAIT
    assert judge(rule, newest=END - HOUR, now=END + 6 * HOUR).verdict is Verdict.READY


def test_lateness_alone_waits_for_the_clock():
    assert judge(SourceRule(lateness=6 * HOUR)).verdict is Verdict.WAIT
    assert judge(SourceRule(lateness=6 * HOUR), now=END + 6 * HOUR).verdict is Verdict.READY


def test_an_empty_table_waits_for_its_watermark():
    assert "no rows at all" in judge(SourceRule(watermark=True), newest=None).reason


def test_missing_upstream_partitions_are_named():
    verdict = readiness([committed_condition("flights.route_delays", ["2013-01-02"], 3)])

    assert verdict.reason == (
        "WAIT, because flights.route_delays committed: 2 of 3 partitions (missing 2013-01-02), "
        "required all of them"
    )


@given(st.lists(st.sampled_from(Verdict), max_size=6))
def test_the_worst_condition_decides_and_none_is_lost(verdicts):
    conditions = [Condition(str(i), verdict, "x", "y") for i, verdict in enumerate(verdicts)]
    combined = readiness(conditions)

    worst = next((v for v in (Verdict.NEVER, Verdict.WAIT) if v in verdicts), Verdict.READY)
    assert combined.verdict is worst
    assert list(combined.conditions) == conditions
