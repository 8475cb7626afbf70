"""The network to a server: lost answers, cut and silent connections, a server that is away."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.stores.open import open_store
from tests.stores import mariadb
from tests.stores.conftest import Place, administer, place_of, until
from tests.stores.relay import Relay, silent
from tests.stores.world import READINGS, claim, day, owned, put, readings, values, vouched

# A dead network is noticed in a second or two instead of a minute.
SHORT = {
    "tcp_user_timeout": 1000,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 1,
}


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def server_place(request: pytest.FixtureRequest) -> Place:
    return place_of(request)


@pytest.fixture
def relay(server_place: Place) -> Iterator[Relay]:
    with Relay(server_place) as opened:
        yield opened


@pytest.fixture
def direct(server_place: Place) -> Iterator[Store]:
    with open_store(server_place.kind, server_place.location, takeover_after=0.1) as store:
        put(store, day(4), readings(day(4), 5))
        put(store, day(5), readings(day(5), 3))
        yield store


def history(place: Place) -> list[tuple[object, ...]]:
    run = {"mysql": mariadb.administer}.get(place.kind, administer)
    return run(
        place.location,
        """SELECT token, "change" FROM ml_history WHERE partition_key = '2024-01-05'""",
    )


def at(step, work):
    """Return an observer that does ``work`` once, after a step."""
    todo = [work]
    return lambda done: todo.pop()() if done == step and todo else None


def half_way(rows, work):
    """Return rows that come in two halves, with ``work`` between them."""

    def batches():
        first, *rest = rows.to_batches(max_chunksize=-(-rows.num_rows // 2))
        yield first
        work()
        yield from rest

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def test_a_commit_whose_answer_is_lost_has_happened_once(server_place, relay, direct):
    place = relay.place()
    with open_store(
        place.kind, place.location, on_step=at("noted", relay.lose_answer_to_commit)
    ) as store:
        done = put(store, day(5), readings(day(5), 4, 7.0))
    assert (done.change, done.line.committed_token) == (Change.WRITTEN, 2)
    assert direct.ledger.line(READINGS, day(5).key) == done.line
    assert values(direct, day(5)) == [7.0, 8.0, 9.0, 10.0]
    vouched(direct, day(5))
    assert history(server_place) == [(1, "written"), (2, "written")]


def test_a_commit_that_never_arrived_is_not_called_done(server_place, relay, direct):
    place = relay.place()
    with open_store(place.kind, place.location, on_step=at("noted", relay.lose_commit)) as store:
        mine = claim(store, day(5))
        with pytest.raises(UnavailableError):
            put(store, day(5), readings(day(5), 4, 7.0), claimed=mine)
        assert values(direct, day(5)) == [1.0, 2.0, 3.0]
        vouched(direct, day(5))
        assert put(store, day(5), readings(day(5), 4, 7.0), claimed=mine).change is Change.WRITTEN
    assert values(direct, day(5)) == [7.0, 8.0, 9.0, 10.0]
    assert history(server_place) == [(1, "written"), (2, "written")]


def test_a_second_write_of_a_claim_whose_commit_never_arrived_is_not_called_done(relay, direct):
    place = relay.place()
    steps = []

    def on_step(step):
        steps.append(step)
        if steps.count("noted") == 2:
            relay.lose_commit()

    with open_store(place.kind, place.location, on_step=on_step) as store:
        mine = claim(store, day(5))
        put(store, day(5), readings(day(5), 4, 7.0), claimed=mine)
        with pytest.raises(UnavailableError):
            put(store, day(5), readings(day(5), 2, 50.0), claimed=mine)
    assert values(direct, day(5)) == [7.0, 8.0, 9.0, 10.0]


@silent
def test_a_commit_that_a_silent_network_swallows_is_not_called_done(relay, direct):
    place = relay.place(**SHORT)
    with open_store(
        place.kind,
        place.location,
        takeover_after=0.1,
        on_step=at("noted", relay.swallow_commit),
    ) as store:
        with pytest.raises(UnavailableError):
            put(store, day(5), readings(day(5), 4, 7.0))
        assert values(direct, day(5)) == [1.0, 2.0, 3.0]
        put(store, day(5), readings(day(5), 4, 7.0))
    assert values(direct, day(5)) == [7.0, 8.0, 9.0, 10.0]


@pytest.mark.parametrize("fault", ["cut", pytest.param("go_silent", marks=silent)])
def test_a_connection_that_is_lost_during_the_load_leaves_the_old_partition(relay, direct, fault):
    place = relay.place(**SHORT)
    rows = readings(day(5), 40_000, 7.0)
    with open_store(place.kind, place.location, takeover_after=0.1) as store:
        with pytest.raises(UnavailableError):
            put(store, day(5), half_way(rows, getattr(relay, fault)))
        assert values(direct, day(5)) == [1.0, 2.0, 3.0]
        vouched(direct, day(5))
        assert put(store, day(5), rows).line.rows == 40_000
    assert direct.count(READINGS, owned(day(5))) == 40_000
    vouched(direct, day(5))


@pytest.mark.parametrize("step", ["claimed", "locked", "loaded", "audited"])
@pytest.mark.parametrize(
    "fault", ["cut", pytest.param("go_silent", marks=[silent, pytest.mark.faults])]
)
def test_a_connection_that_is_lost_between_steps_leaves_the_old_partition(
    relay, direct, step, fault
):
    place = relay.place(**SHORT)
    with open_store(
        place.kind,
        place.location,
        takeover_after=0.1,
        on_step=at(step, getattr(relay, fault)),
    ) as store:
        with pytest.raises(UnavailableError):
            put(store, day(5), readings(day(5), 4, 7.0))
        assert values(direct, day(5)) == [1.0, 2.0, 3.0]
        put(store, day(5), readings(day(5), 4, 7.0))
    assert values(direct, day(5)) == [7.0, 8.0, 9.0, 10.0]
    vouched(direct, day(5))


SLOW = {
    "mysql": "SELECT ts, sensor, value + SLEEP(600) AS value FROM lab.readings",
    "postgres": "SELECT now() AS ts, 's' AS sensor, 1.0 AS value FROM pg_sleep(600)",
}


def until_asleep(place: Place) -> None:
    """Return when a server is in the middle of a slow statement."""
    if place.kind == "postgres":
        return until(place, "state = 'active' AND query LIKE '%INSERT%pg_sleep%'")
    asked = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'INSERT%SLEEP%'"
    deadline = time.monotonic() + 60
    while not mariadb.administer(place.location, asked):
        assert time.monotonic() < deadline, "The statement has not come."
        time.sleep(0.02)
    return None


@silent
@pytest.mark.faults
@pytest.mark.parametrize("settings", [SHORT, {}], ids=["short", "default"])
def test_an_answer_that_never_comes_is_not_waited_for_without_end(
    server_place, relay, direct, settings
):
    place = relay.place(**settings)
    slow = Query(SLOW[server_place.kind])
    with open_store(place.kind, place.location) as store, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(put, store, day(5), slow)
        until_asleep(server_place)
        relay.go_silent()
        with pytest.raises(UnavailableError):
            writing.result(300)
    assert values(direct, day(5)) == [1.0, 2.0, 3.0]
    with open_store(server_place.kind, server_place.location, takeover_after=0.1) as store:
        put(store, day(5), readings(day(5), 4, 7.0))
    assert values(direct, day(5)) == [7.0, 8.0, 9.0, 10.0]


def test_a_stream_whose_connection_is_cut_does_not_end_as_if_it_were_whole(relay, direct):
    put(direct, day(6), readings(day(6), 70_000))
    place = relay.place()
    with open_store(place.kind, place.location) as store:
        stream = store.scan(READINGS, owned(day(6)))
        stream.read_next_batch()
        relay.cut()
        with pytest.raises(UnavailableError):
            stream.read_all()


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_server_that_is_down_is_named_without_its_password(kind):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scheme = {"postgres": "postgresql"}.get(kind, kind)
    location = f"{scheme}://ada:hunter2@127.0.0.1:{port}/features"
    with (
        open_store(kind, location) as store,
        pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{port}/features") as caught,
    ):
        claim(store, day(5))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in store.address


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up(kind):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        scheme = {"postgres": "postgresql"}.get(kind, kind)
        location = f"{scheme}://ada:hunter2@127.0.0.1:{port}/features?connect_timeout=2"
        with (
            open_store(kind, location) as store,
            pytest.raises(UnavailableError, match=r"timeout|timed out"),
        ):
            claim(store, day(5))
