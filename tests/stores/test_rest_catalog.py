"""A REST catalog: who is let in, and what becomes of a commit when its network fails."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError, UnavailableError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.iceberg import rest
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.http_relay import HttpRelay, relayed
from tests.stores.rest_catalog import SECRET
from tests.stores.world import day, old_and_writable, put, readings, two_days, values, vouched

# Of all requests only a commit is a POST to a table.
COMMIT = "/tables/"


@pytest.fixture
def relay(catalog_server: str) -> Iterator[HttpRelay]:
    with relayed(catalog_server, hurts="POST") as opened:
        yield opened


@pytest.fixture
def direct(iceberg_rest: Place) -> Iterator[Store]:
    with open_store(iceberg_rest.kind, iceberg_rest.location) as store:
        yield two_days(store)


@pytest.fixture
def through(iceberg_rest: Place, relay: HttpRelay, direct: Store) -> Iterator[Store]:
    with open_store(iceberg_rest.kind, relay.leads(iceberg_rest.location)) as store:
        yield store


def test_a_client_with_another_secret_is_not_let_in(iceberg_rest: Place) -> None:
    location = iceberg_rest.location.replace(quote(quote(SECRET, safe=""), safe=""), "a-guess")
    assert location != iceberg_rest.location
    with (
        open_store(iceberg_rest.kind, location) as store,
        pytest.raises(ConfigurationError, match="invalid_client") as refused,
    ):
        put(store, day(5), readings(day(5), 3))
    assert "a-guess" not in str(refused.value)


@pytest.mark.parametrize("fault", ["forbid", "cut"])
def test_a_commit_that_never_comes_through_leaves_the_old_partition(
    through: Store, relay: HttpRelay, direct: Store, fault: str
) -> None:
    getattr(relay, fault)(COMMIT)
    with pytest.raises(ConfigurationError if fault == "forbid" else UnavailableError):
        put(through, day(5), readings(day(5), 2, 50.0))
    assert relay.hurt()
    old_and_writable(direct)


def test_a_commit_whose_answer_is_lost_has_happened_once(
    through: Store, relay: HttpRelay, direct: Store
) -> None:
    relay.lose_answer(COMMIT, times=1)
    done = put(through, day(5), readings(day(5), 2, 50.0))
    assert relay.hurt() == 1
    assert (done.change, done.line.committed_token) == (Change.WRITTEN, 2)
    assert values(direct, day(5)) == [50.0, 51.0]
    vouched(direct, day(5))


def test_a_catalog_that_hangs_leaves_the_old_partition(
    through: Store, relay: HttpRelay, direct: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "_ANSWER", 1.0)
    relay.hold(COMMIT)
    with pytest.raises(UnavailableError, match="timed out"):
        put(through, day(5), readings(day(5), 2, 50.0))
    assert relay.hurt()
    old_and_writable(direct)
