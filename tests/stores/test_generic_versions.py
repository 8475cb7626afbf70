"""Rows in versions: what readers see of them, when they go, and who may still commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import (
    CheckFailedError,
    ConfigurationError,
    FencedError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.retention import Retention
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.generic.naming import rows_table
from airflow_ml_provider.stores.generic.store import VersionedStore
from airflow_ml_provider.stores.ledger import lines as ledger_lines
from tests.stores.attempt import Attempt, Plan
from tests.stores.conftest import Place
from tests.stores.doors import open_store
from tests.stores.world import NOW, READINGS, claim, day, put, readings, values, vouched

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROWS = rows_table(READINGS, ["ts", "sensor", "value"])


@pytest.fixture(params=["versioned_sqlite", pytest.param("versioned_postgres", marks=[
    pytest.mark.postgres, pytest.mark.faults])])  # fmt: skip
def versioned(request: pytest.FixtureRequest) -> Iterator[VersionedStore]:
    place: Place = request.getfixturevalue(request.param)
    with open_store(place.kind, place.location) as store:
        assert isinstance(store, VersionedStore)
        yield store


def kept(store: VersionedStore) -> int:
    """Return how many rows lie behind the view, seen or not."""
    answer = store.session.execute(f'SELECT count(*) FROM lab."{ROWS.name}"')
    return int(answer[0][0])


def old(store: VersionedStore, now: datetime, *, dry_run: bool = False) -> int:
    """Collect garbage, and return how many rows of old versions there were."""
    found = {each.what: each.count for each in store.collect(Retention(), now, dry_run=dry_run)}
    return found["rows of old versions"]


def test_old_versions_are_kept_for_their_readers_and_collected_later(
    versioned: VersionedStore,
) -> None:
    put(versioned, day(5), readings(day(5), 3), at=NOW)
    put(versioned, day(5), readings(day(5), 4), at=NOW + HOUR / 2)
    put(versioned, day(5), readings(day(5), 5), at=NOW + HOUR)
    assert kept(versioned) == 3 + 4 + 5
    put(versioned, day(5), readings(day(5), 6), at=NOW + 2 * HOUR)
    assert kept(versioned) == 5 + 6
    vouched(versioned, day(5))


def test_a_collection_leaves_other_partitions_alone(versioned: VersionedStore) -> None:
    put(versioned, day(6), readings(day(6), 7))
    put(versioned, day(5), readings(day(5), 3))
    put(versioned, day(5), readings(day(5), 4), at=NOW + 2 * HOUR)
    put(versioned, day(5), readings(day(5), 5), at=NOW + 4 * HOUR)
    assert len(values(versioned, day(6))) == 7
    vouched(versioned, day(6))


def test_old_versions_of_a_partition_that_is_never_written_again_go_in_the_end(
    versioned: VersionedStore,
) -> None:
    put(versioned, day(5), readings(day(5), 3))
    put(versioned, day(5), readings(day(5), 4), at=NOW + HOUR / 2)
    put(versioned, day(6), readings(day(6), 2))
    assert old(versioned, NOW + 6 * DAY) == 0
    assert old(versioned, NOW + 8 * DAY, dry_run=True) == 3
    assert kept(versioned) == 3 + 4 + 2
    assert old(versioned, NOW + 8 * DAY) == 3
    assert old(versioned, NOW + 8 * DAY) == 0
    assert kept(versioned) == 4 + 2
    for number in (5, 6):
        vouched(versioned, day(number))


def test_who_wakes_up_after_his_rows_were_taken_for_dead_is_fenced(
    versioned_sqlite: Place,
) -> None:
    with open_store(versioned_sqlite.kind, versioned_sqlite.location) as store:
        assert isinstance(store, VersionedStore)
        put(store, day(5), readings(day(5), 3))
        with Attempt(Plan(versioned_sqlite, 40, 500.0, holds="noted")) as sleeper:
            sleeper.reaches("noted")
            assert kept(store) == 43
            assert old(store, NOW + 8 * DAY) == 40
            sleeper.goes_on()
            assert sleeper.outcome().error == "FencedError"
        assert kept(store) == 3
        assert values(store, day(5)) == [1.0, 2.0, 3.0]
        vouched(store, day(5))
        put(store, day(5), readings(day(5), 4))
        vouched(store, day(5))


def test_a_write_that_fails_or_changes_nothing_leaves_no_rows(versioned: VersionedStore) -> None:
    put(versioned, day(5), readings(day(5), 3))
    with pytest.raises(CheckFailedError):
        put(versioned, day(5), readings(day(5), 4), expectations=Expectations(rows_min=5))
    assert put(versioned, day(5), readings(day(5), 3)).change is Change.UNCHANGED
    assert kept(versioned) == 3


@pytest.mark.parametrize("policy", [SchemaPolicy.FAIL, SchemaPolicy.ADD_COLUMNS])
def test_columns_are_not_added_to_versions_and_the_refusal_says_so(
    versioned: VersionedStore, policy: SchemaPolicy
) -> None:
    put(versioned, day(5), readings(day(5), 3))
    wider = readings(day(5), 3).append_column("unit", pa.array(["K"] * 3))
    with pytest.raises(SchemaMismatchError, match=r"'unit' is unknown.*is not offered on an eng"):
        put(versioned, day(5), wider, schema=policy)
    assert put(versioned, day(5), readings(day(5), 4), schema=policy).change is Change.WRITTEN
    vouched(versioned, day(5))


def test_a_ledger_of_a_newer_release_stops_a_write_that_has_begun(
    versioned: VersionedStore,
) -> None:
    mine = claim(versioned, day(5))
    versioned.session.execute("INSERT INTO ml_ledger_version (version) VALUES (99)")
    with pytest.raises(ConfigurationError, match="has version 99"):
        put(versioned, day(5), readings(day(5), 3), claimed=mine)
    with pytest.raises(ConfigurationError, match="has version 99"):
        claim(versioned, day(6))


def test_a_claim_that_comes_at_the_last_moment_fences_the_commit(
    versioned: VersionedStore,
) -> None:
    put(versioned, day(5), readings(day(5), 3))
    mine = claim(versioned, day(5))

    def overtake(step: str) -> None:
        if step == "noted":
            versioned._on_step = lambda _: None
            claim(versioned, day(5), number=2)

    versioned._on_step = overtake
    with pytest.raises(FencedError, match="must stop"):
        put(versioned, day(5), readings(day(5), 9), claimed=mine)
    assert values(versioned, day(5)) == [1.0, 2.0, 3.0]
    assert kept(versioned) == 3


def test_who_is_overtaken_in_the_middle_of_its_rows_is_fenced_and_not_blamed(
    versioned: VersionedStore,
) -> None:
    mine = claim(versioned, day(5))

    def overtake(step: str) -> None:
        if step == "loaded":
            versioned._on_step = lambda _: None
            # Its rows are those of an older claim, and are collected.
            put(versioned, day(5), readings(day(5), 2, 7.0))

    versioned._on_step = overtake
    with pytest.raises(FencedError, match="must stop"):
        put(versioned, day(5), readings(day(5), 9), claimed=mine)
    assert values(versioned, day(5)) == [7.0, 8.0]
    assert kept(versioned) == 2


def test_a_commit_whose_answer_is_lost_is_found_in_the_ledger(
    versioned: VersionedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(versioned, day(5), readings(day(5), 3))
    written = ledger_lines.written

    def loses_the_answer(*arguments: Any, **more: Any) -> bool:
        written(*arguments, **more)
        msg = "The line went dead."
        raise UnavailableError(msg)

    monkeypatch.setattr(ledger_lines, "written", loses_the_answer)
    assert put(versioned, day(5), readings(day(5), 4)).change is Change.WRITTEN
    assert values(versioned, day(5)) == [1.0, 2.0, 3.0, 4.0]
    vouched(versioned, day(5))


def test_a_commit_that_was_lost_on_its_way_leaves_the_old_rows(
    versioned: VersionedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(versioned, day(5), readings(day(5), 3))

    def never_arrives(*_: Any, **__: Any) -> bool:
        msg = "The line went dead."
        raise UnavailableError(msg)

    with monkeypatch.context() as broken:
        broken.setattr(ledger_lines, "written", never_arrives)
        with pytest.raises(UnavailableError):
            put(versioned, day(5), readings(day(5), 4))
    assert values(versioned, day(5)) == [1.0, 2.0, 3.0]
    # Nobody could know: its rows wait for the next write.
    assert kept(versioned) == 3 + 4
    put(versioned, day(5), readings(day(5), 5), at=NOW + 2 * HOUR)
    assert kept(versioned) == 3 + 5


def test_a_first_write_that_failed_does_not_bind_the_next_one_to_its_columns(
    versioned: VersionedStore,
) -> None:
    rows = readings(day(5), 3)
    with pytest.raises(CheckFailedError):
        put(versioned, day(5), rows, expectations=Expectations(rows_min=9))
    assert versioned.columns(READINGS) == ()
    put(versioned, day(5), rows.rename_columns(["ts", "probe", "value"]))
    assert [column.name for column in versioned.columns(READINGS)] == ["ts", "probe", "value"]


def test_a_table_that_is_no_view_is_refused(versioned: VersionedStore) -> None:
    plain = TableName(None, "plain")
    versioned.session.execute("CREATE TABLE plain (ts TIMESTAMP, value DOUBLE PRECISION)")
    with pytest.raises(ConfigurationError, match="plain is no view"):
        put(versioned, day(5), readings(day(5), 3).select(["ts", "value"]), table=plain)


def test_the_history_tells_of_every_commit(versioned: VersionedStore) -> None:
    for count in (3, 3, 4):
        put(versioned, day(5), readings(day(5), count))
    told = versioned.session.execute('SELECT token, "change" FROM ml_history ORDER BY token')
    assert told == [(1, "written"), (2, "unchanged"), (3, "written")]
