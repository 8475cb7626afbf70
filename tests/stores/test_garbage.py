"""What nobody needs any more goes; what somebody may ask for, or still writes, stays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import FencedError
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.retention import Retention
from airflow_ml_provider.domain.table import KeySlice, TableName
from airflow_ml_provider.domain.training import Attempt as Try, Judgement, Pin
from airflow_ml_provider.stores.open import LAKES
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.doors import VERSIONED, open_store
from tests.stores.world import NOW, READINGS, RECIPE, day, put, readings, values, vouched

STAGING = TableName("lab", "scores__staging")
DAY = timedelta(days=1)
LATER = NOW + 100 * DAY


def collect(store: Store, now: datetime = LATER, *, dry_run: bool = False) -> Mapping[str, int]:
    found = store.collect(Retention(), now, dry_run=dry_run)
    return {each.what: each.count for each in found if each.count}


def asked(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store._ledger.session.execute(sql)  # type: ignore[attr-defined, no-any-return]


def chunk(store: Store, key: str, at: datetime = NOW) -> Any:
    """Claim a chunk on the stage and write it; return the claim."""
    mine = store.claim(STAGING, key, Owner("dag", key, "predict"), at=at)
    scored(store, mine, key)
    return mine


def scored(store: Store, mine: Any, key: str) -> None:
    rows = pa.table({"staging_chunk": [key] * 2, "score": [1.0, 2.0]})
    store.replace(
        mine,
        KeySlice("staging_chunk", key),
        rows,
        window=None,
        recipe=RECIPE,
        expectations=Expectations(),
        at=NOW,
    )


def staged(store: Store) -> list[str]:
    rows = store.scan(STAGING, columns=["staging_chunk"], order_by=["staging_chunk"])
    return rows.read_all().column(0).to_pylist()


def test_a_store_without_garbage_has_none(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    assert collect(store) == {}
    vouched(store, day(5))


def test_superseded_history_goes_and_that_of_what_is_there_stays(lasting: Store) -> None:
    put(lasting, day(5), readings(day(5), 3))
    put(lasting, day(5), readings(day(5), 4))
    put(lasting, day(5), readings(day(5), 4), at=NOW + DAY)
    put(lasting, day(6), readings(day(6), 1))
    before = [lasting.ledger.line(READINGS, day(number).key) for number in (5, 6)]
    assert collect(lasting, dry_run=True) == {"lines of history": 1}
    assert collect(lasting) == {"lines of history": 1}
    assert collect(lasting) == {}
    tokens = asked(lasting, "SELECT token FROM ml_history ORDER BY partition_key, token")
    assert tokens == [(2,), (3,), (1,)]
    assert [lasting.ledger.line(READINGS, day(number).key) for number in (5, 6)] == before


def test_records_that_are_young_stay(lasting_place: Place, lasting: Store) -> None:
    put(lasting, day(5), readings(day(5), 3))
    put(lasting, day(5), readings(day(5), 4))
    unseen = {"rows of old versions": 3} if lasting_place.kind in VERSIONED else {}
    assert collect(lasting, NOW + 80 * DAY) == unseen


def test_verdicts_go_but_for_the_newest_and_those_that_led_to_a_training(lasting: Store) -> None:
    ledger = lasting.ledger
    kept = []
    for number, trains in enumerate((False, True, False, False), start=1):
        as_of = NOW + number * timedelta(hours=1)
        kept.append(Judgement("m", as_of, "FRESH", "why", "key", trains, as_of))
        ledger.record_judgement(kept[-1])
    assert collect(lasting) == {"verdicts": 2}
    assert list(ledger.judgements("m")) == [kept[1], kept[3]]


def test_reigns_stay_for_ever(lasting: Store) -> None:
    for epoch in (1, 2):
        reign = Reign(epoch, str(epoch), NOW, NOW, "me", "why")
        assert lasting.ledger.move_alias("m", "champion", reign, epoch - 1)
    assert collect(lasting, NOW + 1000 * DAY) == {}
    assert len(lasting.ledger.reigns("m", "champion")) == 2


def test_tries_go_but_for_those_of_the_run_that_made_what_is_there(lasting: Store) -> None:
    put(lasting, day(5), readings(day(5), 3))
    for run in ("run", "another"):
        lasting.ledger.open_attempt(Try("lab.readings", run, "materialize", -1, 1, "x", NOW))
    assert collect(lasting) == {"attempts": 1}
    assert len(lasting.ledger.attempts("lab.readings", "run")) == 1
    assert list(lasting.ledger.attempts("lab.readings", "another")) == []


def test_pins_and_leases_of_old_runs_go(lasting: Store) -> None:
    lasting.ledger.pin(Pin("run", "m", "1", {}, 1, "why"))
    assert lasting.ledger.register_once("m", "key", lambda: "7") == "7"
    far = datetime.now(tz=NOW.tzinfo) + 100 * DAY
    assert collect(lasting, far) == {"pins of old runs": 1}
    # The lease remembers the version of a training that has not come to its end.
    assert lasting.ledger.register_once("m", "key", lambda: "8") == "7"
    assert lasting.ledger.pin(Pin("run", "m", "2", {}, 1, "why")).version == "2"


def test_chunks_of_a_dead_run_go_and_those_of_a_living_one_stay(lasting: Store) -> None:
    dead = chunk(lasting, "dead#0")
    chunk(lasting, "alive#0", at=LATER - DAY)
    chunk(lasting, "again#0")
    lasting.claim(STAGING, "again#0", Owner("dag", "again", "predict"), at=LATER - DAY)
    assert collect(lasting, dry_run=True) == {"chunks of old runs": 1}
    assert len(staged(lasting)) == 6
    assert collect(lasting) == {"chunks of old runs": 1}
    assert staged(lasting) == ["again#0"] * 2 + ["alive#0"] * 2
    with pytest.raises(FencedError):
        scored(lasting, dead, "dead#0")


@pytest.mark.parametrize("kind", LAKES)
def test_an_attempt_that_is_under_way_commits_after_a_collection(
    tmp_path: Path, kind: str
) -> None:
    place = Place(kind, str(tmp_path / "lake"))
    with open_store(place.kind, place.location) as store:
        put(store, day(5), readings(day(5), 3))
        with Attempt(Plan(place, 4, 9.0, holds="audited")) as attempt:
            attempt.reaches("audited")
            assert collect(store, datetime.now(tz=NOW.tzinfo)) == {}
            attempt.goes_on()
            assert attempt.outcome().change == "written"
        assert values(store, day(5)) == [9.0, 10.0, 11.0, 12.0]


@pytest.mark.parametrize("kind", LAKES)
def test_files_and_stages_of_dead_attempts_go_and_old_versions_stay(
    tmp_path: Path, kind: str
) -> None:
    place = Place(kind, str(tmp_path / "lake"))
    with open_store(place.kind, place.location) as store:
        put(store, day(5), readings(day(5), 3))
        put(store, day(5), readings(day(5), 4))
        for step in ("audited", "noted"):
            with Attempt(Plan(place, 2, 7.0, dies=step)) as attempt:
                attempt.dies()
        root = Path(place.location)
        names = set((root / "lab" / "readings").rglob("*.parquet"))
        assert len(names) == 3, "the second one died after it had brought its file"
        now = datetime.now(tz=NOW.tzinfo)
        assert collect(store, now) == {"lines of history": 1}
        future = now + 8 * DAY
        found = collect(store, future)
        assert found == {"files that no commit names": 1, "stages of dead attempts": 2}
        left = set((root / "lab" / "readings").rglob("*.parquet"))
        assert len(left) == 2
        assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0]
        assert list((root / "_ml_stage").iterdir()) == []
