"""Staleness: why a model is trained, and why it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from airflow_ml_provider.domain.staleness import (
    Evidence,
    Mark,
    RetrainPolicy,
    Snapshot,
    Verdict,
    staleness,
    train_key,
)

JAN = {day: datetime(2013, 1, day, tzinfo=UTC) for day in range(1, 32)}
MANIFEST = {f"t/2013-01-{day:02}": f"h{day}" for day in range(1, 8)}
CHAMPION = Snapshot("1", "old", JAN[1], JAN[8], 1_000, MANIFEST, code="c1", config="p1")
POLICY = RetrainPolicy(
    age=timedelta(days=5),
    new_rows_fraction=0.5,
    code=True,
    config=True,
    restated=True,
    cooldown=timedelta(days=1),
)
WORLD = Evidence(
    as_of=JAN[10],
    available=MANIFEST | {"t/2013-01-08": "h8"},
    expected=7,
    current=MANIFEST,
    rows_after=100,
    code="c1",
    config="p1",
    champion=CHAMPION,
    last_trained=JAN[9],
)


def judge(policy=POLICY, **changes):
    return staleness("m", policy, replace(WORLD, **changes))


def test_a_young_model_on_unchanged_inputs_is_fresh_and_says_why():
    verdict = judge()

    assert verdict.verdict is Verdict.FRESH
    assert not verdict.trains
    assert verdict.reason.startswith(
        "FRESH, because age: the training data ended 2 d earlier (stale when more than 5 d)"
    )


def test_without_a_champion_the_first_training_runs():
    verdict = judge(champion=None, last_trained=None)

    assert verdict.trains
    assert "there is no champion" in verdict.reason


def test_an_incomplete_window_is_unknown_and_trains_nothing():
    verdict = judge(available={"t/2013-01-01": "h1"}, champion=None)

    assert verdict.verdict is Verdict.UNKNOWN
    assert not verdict.trains
    assert "1 of 7 feature partitions" in verdict.reason


def test_age_is_about_the_data_and_the_limit_itself_is_fresh():
    assert judge(as_of=JAN[13]).verdict is Verdict.FRESH
    assert judge(as_of=JAN[14]).trains


def test_enough_new_rows_make_it_stale():
    assert judge(rows_after=500).verdict is Verdict.FRESH
    verdict = judge(rows_after=501)
    assert verdict.trains
    assert "501 new rows (stale when more than 50% of 1,000)" in verdict.reason


def test_a_restated_partition_names_itself():
    verdict = judge(current=MANIFEST | {"t/2013-01-03": "other"})

    assert verdict.trains
    assert "1 of 7 partitions trained on have changed (t/2013-01-03)" in verdict.reason


def test_a_vanished_partition_counts_as_restated():
    assert judge(current={}).trains


def test_changed_code_and_configuration_say_from_what_to_what():
    assert "code was c1 and is c2" in judge(code="c2").reason
    assert "config was p1 and is p2" in judge(config="p2").reason


def test_causes_that_are_not_asked_for_do_not_count():
    assert (
        judge(RetrainPolicy(age=timedelta(days=5)), code="c2", current={}).verdict is Verdict.FRESH
    )


def test_the_cooldown_holds_a_stale_model_back_and_says_until_when():
    verdict = judge(replace(POLICY, cooldown=timedelta(days=9)), code="c2")

    assert verdict.verdict is Verdict.STALE
    assert not verdict.trains
    assert "not trained now: cooldown until 2013-01-18 00:00 UTC" in verdict.reason


def test_a_mark_by_hand_overrides_the_cooldown():
    mark = Mark("bad labels were repaired", "ada", JAN[10])
    verdict = judge(replace(POLICY, cooldown=timedelta(days=9)), mark=mark)

    assert verdict.trains
    assert "ada marked it" in verdict.reason


def test_nothing_ever_trains_twice_on_the_same_inputs_not_even_by_hand():
    key = train_key("m", WORLD.available, "c1", "p1")
    verdict = judge(mark=Mark("again", "ada", JAN[10]), trained_keys=frozenset({key}))

    assert verdict.verdict is Verdict.STALE
    assert not verdict.trains
    assert key in verdict.reason


@given(st.permutations(sorted(WORLD.available.items())))
def test_the_train_key_is_blind_to_the_order_of_partitions(items):
    assert train_key("m", dict(items), "c", "p") == train_key("m", WORLD.available, "c", "p")


@given(
    st.datetimes(datetime(2013, 1, 9), datetime(2013, 3, 1), timezones=st.just(UTC)),
    st.integers(0, 2_000),
    st.booleans(),
    st.booleans(),
)
def test_every_verdict_explains_itself_and_ageing_never_makes_fresher(as_of, rows, code, restated):
    changes = {
        "rows_after": rows,
        "code": "c2" if code else "c1",
        "current": {} if restated else MANIFEST,
    }
    now, later = judge(as_of=as_of, **changes), judge(as_of=as_of + timedelta(days=1), **changes)

    assert now.reason.startswith(f"{now.verdict}, because ")
    assert not (now.verdict is Verdict.STALE and later.verdict is Verdict.FRESH)
