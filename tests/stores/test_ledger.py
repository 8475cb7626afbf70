"""What the ledger keeps, on every store alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.ledger import Owner, Recipe
from airflow_ml_provider.domain.ports import Ledger, Store
from airflow_ml_provider.domain.staleness import Mark, Snapshot
from airflow_ml_provider.domain.table import KeySlice, TableName
from airflow_ml_provider.domain.training import Attempt, Judgement, Pin, Stage, Training
from tests.stores.conftest import Place
from tests.stores.doors import open_store
from tests.stores.world import NOW, READINGS, RECIPE, claim, day, put, readings

HOUR = timedelta(hours=1)
AWKWARD = 'it\'s "quoted" \\ $1 :x %s ?\n\tÜnïcode 🙂'
IN_BERLIN = datetime(2024, 3, 31, 3, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return store.ledger


def judged(model: str = "m", as_of: datetime = NOW, **more: object) -> Judgement:
    facts = {"verdict": "STALE", "reason": "age", "train_key": "k", "trains": True, "at": NOW}
    return Judgement(model, as_of, **{**facts, **more})  # type: ignore[arg-type]


def snapshot(key: str = "k") -> Snapshot:
    return Snapshot("", key, NOW - 48 * HOUR, NOW, 7, {"lab.a": "v1", AWKWARD: AWKWARD}, "c", "f")


def training(model: str = "m", key: str = "k", **more: object) -> Training:
    facts = {"snapshot": snapshot(key), "as_of": NOW, "cause": "age", "stage": Stage.BUILT}
    return Training(model, key, **{**facts, **more})  # type: ignore[arg-type]


def reign(epoch: int, version: str = "1", **more: object) -> Reign:
    facts = {"since": NOW, "at": NOW + HOUR, "by": AWKWARD, "reason": AWKWARD}
    return Reign(epoch, version, **{**facts, **more})  # type: ignore[arg-type]


def test_there_is_no_line_before_the_first_claim(ledger: Ledger) -> None:
    assert ledger.line(READINGS, "2024-01-05") is None
    assert list(ledger.lines(READINGS)) == []


def test_a_claim_makes_a_line_that_is_not_committed(store: Store) -> None:
    mine = claim(store, day(5), number=3)
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert (line.token, line.owner, line.claimed_at) == (1, str(mine.owner), NOW)
    assert (line.committed, line.unpublished, line.rows, line.recipe) == (False, False, None, None)
    assert list(store.ledger.lines(READINGS)) == []


def test_a_claim_names_its_owner_even_over_a_committed_line(store: Store) -> None:
    done = put(store, day(5), readings(day(5), 2)).line
    second = claim(store, day(5), number=2)
    line = store.ledger.line(READINGS, day(5).key)
    assert line == replace(done, token=2, owner=str(second.owner))


def test_lines_are_of_one_table_and_come_by_start_then_key(store: Store) -> None:
    for number in (7, 5, 6):
        put(store, day(number), readings(day(number), 1))
    put(store, day(5), readings(day(5), 1), table=TableName("lab", "other"))
    put(store, day(5), readings(day(5), 1), table=TableName(None, "readings"))
    found = store.ledger.lines(READINGS)
    assert [line.key for line in found] == ["2024-01-05", "2024-01-06", "2024-01-07"]
    assert {line.table for line in found} == {READINGS}


def test_lines_are_chosen_by_where_their_window_begins(store: Store) -> None:
    for number in (5, 6, 7):
        put(store, day(number), readings(day(number), 1))

    def keys(start: datetime | None = None, end: datetime | None = None) -> list[str]:
        return [line.key[-2:] for line in store.ledger.lines(READINGS, start, end)]

    assert keys(day(6).start) == ["06", "07"]
    assert keys(None, day(6).start) == ["05"]
    assert keys(day(6).start, day(7).start) == ["06"]
    assert keys(day(6).start + HOUR, day(7).start + HOUR) == ["07"]
    assert keys(day(6).start.astimezone(timezone(5 * HOUR)), day(6).end) == ["06"]
    assert keys(day(8).start) == []


def test_a_line_without_a_window_comes_first_and_is_in_no_range(store: Store) -> None:
    put(store, day(5), readings(day(5), 1))
    store.replace(
        claim(store, day(6)),
        KeySlice("sensor", "s0"),
        readings(day(5), 1),
        window=None,
        recipe=RECIPE,
        expectations=Expectations(),
        at=NOW,
    )
    assert [line.start for line in store.ledger.lines(READINGS)] == [None, day(5).start]
    assert [line.start for line in store.ledger.lines(READINGS, day(1).start)] == [day(5).start]
    assert [line.start for line in store.ledger.lines(READINGS, None, NOW)] == [day(5).start]


def test_recipes_and_moments_come_back_as_they_were(store: Store) -> None:
    recipe = Recipe(AWKWARD, AWKWARD, {AWKWARD: AWKWARD, "b": "", "a": "1"})
    done = put(store, day(5), readings(day(5), 1), recipe=recipe, at=IN_BERLIN)
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert line.recipe == recipe
    assert line.committed_at == line.changed_at == IN_BERLIN
    assert done.line == line


def test_publishing_is_noted_and_never_taken_back(store: Store) -> None:
    ledger = store.ledger
    for count in (1, 2, 3):
        put(store, day(5), readings(day(5), count))
    ledger.mark_published(READINGS, day(5).key, 2)
    line = ledger.line(READINGS, day(5).key)
    assert line is not None
    assert (line.published_token, line.unpublished) == (2, True)
    ledger.mark_published(READINGS, day(5).key, 3)
    ledger.mark_published(READINGS, day(5).key, 1)
    line = ledger.line(READINGS, day(5).key)
    assert line is not None
    assert (line.published_token, line.unpublished) == (3, False)
    ledger.mark_published(READINGS, "2024-01-09", 1)
    assert ledger.line(READINGS, "2024-01-09") is None


def test_a_later_claim_or_an_unchanged_commit_leaves_what_was_published(store: Store) -> None:
    put(store, day(5), readings(day(5), 1))
    store.ledger.mark_published(READINGS, day(5).key, 1)
    claim(store, day(5))
    put(store, day(5), readings(day(5), 1))
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert (line.published_token, line.committed_token, line.unpublished) == (1, 3, False)


def test_judgements_come_by_as_of_time_and_the_latest_of_each_is_kept(ledger: Ledger) -> None:
    later = judged(as_of=NOW + HOUR, reason=AWKWARD, trains=False, verdict="FRESH")
    for each in (later, judged(reason="first"), judged(reason="again"), judged("other")):
        ledger.record_judgement(each)
    assert list(ledger.judgements("m")) == [judged(reason="again"), later]
    assert list(ledger.judgements("nobody")) == []


def test_the_newest_mark_counts_until_it_is_answered(ledger: Ledger) -> None:
    first, second = Mark("drift", "ada", NOW), Mark(AWKWARD, AWKWARD, NOW + HOUR)
    assert ledger.stale_mark("m") is None
    for mark in (second, first):
        ledger.mark_stale("m", mark)
    ledger.mark_stale("other", Mark("x", "y", NOW + 9 * HOUR))
    assert ledger.stale_mark("m") == second
    ledger.answer_marks("m", NOW)
    assert ledger.stale_mark("m") == second
    ledger.answer_marks("m", NOW + HOUR)
    assert ledger.stale_mark("m") is None
    assert ledger.stale_mark("other") is not None
    ledger.mark_stale("m", first)
    assert ledger.stale_mark("m") == first


def test_trainings_come_back_as_they_were_by_as_of_time_then_key(ledger: Ledger) -> None:
    metrics = {"rmse": 0.1, "bias": -0.0, "best": math.inf, AWKWARD: 1e-300}
    rich = training(key="b", metrics=metrics, verdict=AWKWARD, cause=AWKWARD)
    early = training(key="c", as_of=NOW - HOUR)
    for each in (rich, training(key="a"), early, training("other", "z")):
        ledger.save_training(each)
    assert list(ledger.trainings("m")) == [early, training(key="a"), rich]
    assert ledger.training("m", "b") == rich
    assert ledger.training("m", "z") is None
    assert ledger.training("other", "z") == training("other", "z")


def test_a_metric_that_is_no_number_is_kept_as_that(ledger: Ledger) -> None:
    ledger.save_training(training(metrics={"r2": math.nan}))
    kept = ledger.training("m", "k")
    assert kept is not None
    assert math.isnan(kept.metrics["r2"])


def test_a_training_moves_forwards_only(ledger: Ledger) -> None:
    road = [Stage.BUILT, Stage.REGISTERED, Stage.EVALUATED, Stage.PROMOTED]
    for reached, stage in enumerate(road):
        ledger.save_training(training(stage=stage, cause=stage.value))
        for earlier in road[:reached]:
            ledger.save_training(training(stage=earlier, cause="late"))
        kept = ledger.training("m", "k")
        assert kept is not None
        assert (kept.stage, kept.cause) == (stage, stage.value)
    ledger.save_training(training(stage=Stage.PROMOTED, cause="said again"))
    kept = ledger.training("m", "k")
    assert kept is not None
    assert kept.cause == "said again"


def test_an_alias_moves_from_the_epoch_that_is_expected_only(ledger: Ledger) -> None:
    assert list(ledger.reigns("m", "champion")) == []
    assert not ledger.move_alias("m", "champion", reign(2), 1)
    assert ledger.move_alias("m", "champion", reign(1), 0)
    assert not ledger.move_alias("m", "champion", reign(1, "9"), 0)
    assert not ledger.move_alias("m", "champion", reign(3, "9"), 2)
    assert ledger.move_alias("m", "champion", reign(2, "2", since=IN_BERLIN), 1)
    assert ledger.move_alias("m", "challenger", reign(1, "3"), 0)
    assert ledger.move_alias("other", "champion", reign(1, "4"), 0)
    assert list(ledger.reigns("m", "champion")) == [reign(1), reign(2, "2", since=IN_BERLIN)]
    assert list(ledger.reigns("m", "challenger")) == [reign(1, "3")]


def test_the_first_pin_of_a_run_holds(ledger: Ledger) -> None:
    first = Pin("run", "m", "3", {"lab.a": "v1", AWKWARD: AWKWARD}, 4, AWKWARD)
    assert ledger.pin(first) == first
    assert ledger.pin(Pin("run", "m", "4", {}, 1, "later")) == first
    nothing = Pin("run", "other", None, {}, 0, "no champion")
    assert ledger.pin(nothing) == nothing
    assert ledger.pin(Pin("run", "other", "1", {}, 1, "now there is one")) == nothing
    assert ledger.pin(Pin("run 2", "m", "4", {}, 1, "")).version == "4"


def tried(number: int = 1, **more: object) -> Attempt:
    facts = {"subject": AWKWARD, "started_at": NOW, "task_id": "t", "map_index": -1}
    return Attempt("dag", "run", try_number=number, **{**facts, **more})  # type: ignore[arg-type]


def test_tries_come_in_their_order_open_until_they_are_closed(ledger: Ledger) -> None:
    late = tried(2, started_at=NOW + HOUR)
    mapped = tried(map_index=3)
    for each in (late, mapped, tried(), tried(task_id="a")):
        ledger.open_attempt(each)
    ledger.open_attempt(replace(tried(), dag_id="other"))
    assert list(ledger.attempts("dag", "run")) == [tried(task_id="a"), tried(), mapped, late]
    ledger.close_attempt(Owner("dag", "run", "t", -1, 2), NOW + 2 * HOUR, "DATA", AWKWARD)
    ledger.close_attempt(Owner("dag", "run", "t", 3, 1), NOW + HOUR, None, None)
    assert list(ledger.attempts("dag", "run"))[1:] == [
        tried(),
        replace(mapped, ended_at=NOW + HOUR),
        replace(late, ended_at=NOW + 2 * HOUR, failure_class="DATA", message=AWKWARD),
    ]
    assert list(ledger.attempts("dag", "another run")) == []


def test_a_try_that_begins_again_is_open_again(ledger: Ledger) -> None:
    ledger.open_attempt(tried())
    ledger.close_attempt(Owner("dag", "run", "t"), NOW, "CODE", "broke")
    ledger.open_attempt(tried(started_at=NOW + HOUR))
    assert list(ledger.attempts("dag", "run")) == [tried(started_at=NOW + HOUR)]


def test_closing_what_was_never_opened_makes_nothing(ledger: Ledger) -> None:
    ledger.close_attempt(Owner("dag", "run", "t"), NOW, None, None)
    assert list(ledger.attempts("dag", "run")) == []


@pytest.fixture
def reopened(lasting_place: Place) -> Iterator[Store]:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(5), readings(day(5), 2))
        store.ledger.save_training(training())
        store.ledger.record_judgement(judged())
        store.ledger.pin(Pin("run", "m", "1", {}, 1, ""))
        store.ledger.move_alias("m", "champion", reign(1), 0)
        store.ledger.register_once("m", "k", lambda: "v1")
    with open_store(lasting_place.kind, lasting_place.location) as store:
        yield store


def test_everything_is_there_for_the_next_process(reopened: Store) -> None:
    ledger = reopened.ledger
    line = ledger.line(READINGS, day(5).key)
    assert line is not None
    assert line.rows == 2
    assert ledger.training("m", "k") == training()
    assert list(ledger.judgements("m")) == [judged()]
    assert list(ledger.reigns("m", "champion")) == [reign(1)]
    assert ledger.pin(Pin("run", "m", "2", {}, 1, "")).version == "1"
    assert ledger.register_once("m", "k", lambda: "v2") == "v1"


def test_a_ledger_of_a_newer_release_is_left_alone(lasting_place: Place, reopened: Store) -> None:
    reopened.ledger.session.execute("UPDATE ml_ledger_version SET version = 99")
    with (
        open_store(lasting_place.kind, lasting_place.location) as newer,
        pytest.raises(ConfigurationError, match=r"version 99.*Upgrade"),
    ):
        newer.ledger.line(READINGS, day(5).key)


def test_moments_are_kept_to_the_microsecond_and_through_the_ages(ledger: Ledger) -> None:
    for moment in (
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
    ):
        ledger.record_judgement(judged(str(moment.year), moment))
        assert list(ledger.judgements(str(moment.year))) == [judged(str(moment.year), moment)]
