"""The network to an object store: uploads that are refused or cut, lost and missing answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place, place_of
from tests.stores.http_relay import HttpRelay, relayed
from tests.stores.relay import silent
from tests.stores.world import day, old_and_writable, put, readings, two_days, values, vouched

ROWS = "part-"
# What a format puts there last, and by which others see the rows.
COMMITS = {"delta": "_delta_log/", "iceberg": "metadata/", "parquet": "_manifests/"}


@pytest.fixture(params=["delta_s3", "iceberg_s3", "parquet_s3"])
def object_place(request: pytest.FixtureRequest) -> Place:
    return place_of(request)


@pytest.fixture
def direct(object_place: Place) -> Iterator[Store]:
    with open_store(object_place.kind, object_place.location) as store:
        yield two_days(store)


@pytest.fixture
def relay(objects_server: str) -> Iterator[HttpRelay]:
    with relayed(objects_server) as opened:
        yield opened


@pytest.fixture
def through(object_place: Place, relay: HttpRelay, direct: Store) -> Iterator[Store]:
    location = relay.leads(object_place.location)
    with open_store(object_place.kind, location) as store:
        yield store


@pytest.mark.parametrize(
    "fault", ["forbid", "cut", pytest.param("lose_answer", marks=pytest.mark.faults)]
)
def test_rows_that_never_come_through_leave_the_old_partition(
    through: Store, relay: HttpRelay, direct: Store, fault: str
) -> None:
    getattr(relay, fault)(ROWS)
    with pytest.raises(UnavailableError):
        put(through, day(5), readings(day(5), 40_000, 7.0))
    assert relay.hurt()
    old_and_writable(direct)


@pytest.mark.parametrize("fault", ["cut", "lose_answer"])
def test_rows_that_come_through_the_second_time_are_written_once(
    through: Store, relay: HttpRelay, direct: Store, fault: str
) -> None:
    getattr(relay, fault)(ROWS, times=1)
    rows = readings(day(5), 40_000, 7.0)
    assert put(through, day(5), rows).change is Change.WRITTEN
    assert relay.hurt() == 1
    assert values(direct, day(5)) == rows.column("value").to_pylist()
    vouched(direct, day(5))


@pytest.mark.parametrize("fault", ["forbid", pytest.param("cut", marks=pytest.mark.faults)])
def test_a_commit_that_never_comes_through_leaves_the_old_partition(
    through: Store, object_place: Place, relay: HttpRelay, direct: Store, fault: str
) -> None:
    getattr(relay, fault)(COMMITS[object_place.kind])
    with pytest.raises(UnavailableError):
        put(through, day(5), readings(day(5), 2, 50.0))
    assert relay.hurt()
    old_and_writable(direct)


@pytest.mark.parametrize("fault", ["cut", "lose_answer"])
def test_a_commit_that_is_sent_twice_has_happened_once(
    through: Store, object_place: Place, relay: HttpRelay, direct: Store, fault: str
) -> None:
    getattr(relay, fault)(COMMITS[object_place.kind], times=1)
    done = put(through, day(5), readings(day(5), 2, 50.0))
    assert relay.hurt() == 1
    assert (done.change, done.line.committed_token) == (Change.WRITTEN, 2)
    assert values(direct, day(5)) == [50.0, 51.0]
    assert direct.ledger.line(done.line.table, day(5).key) == done.line
    vouched(direct, day(5))


@silent
@pytest.mark.faults
def test_rows_that_nobody_answers_to_leave_the_old_partition(
    through: Store, relay: HttpRelay, direct: Store
) -> None:
    relay.go_silent(ROWS)
    with pytest.raises(UnavailableError):
        put(through, day(5), readings(day(5), 40_000, 7.0))
    old_and_writable(direct)


@silent
@pytest.mark.faults
def test_a_commit_that_nobody_answers_to_leaves_the_old_partition(
    through: Store, object_place: Place, relay: HttpRelay, direct: Store
) -> None:
    relay.go_silent(COMMITS[object_place.kind])
    with pytest.raises(UnavailableError):
        put(through, day(5), readings(day(5), 2, 50.0))
    old_and_writable(direct)
