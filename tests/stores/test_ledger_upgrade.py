"""A ledger of an older release: upgraded once, by whoever comes first, and closed to the old."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError, MLProviderError
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.ledger import schema
from airflow_ml_provider.stores.open import open_store
from tests.stores import first_ledger
from tests.stores.actor import Actor
from tests.stores.conftest import Place, place_of
from tests.stores.world import READINGS, claim, day, put, readings, values

# Where the first release could keep a ledger.
FIRST = ("duckdb", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=FIRST)
def lasting_place(request: pytest.FixtureRequest) -> Place:
    """Every engine that keeps a ledger; that of a lake rests in one of them."""
    return place_of(request)


@pytest.fixture
def first(lasting_place: Place) -> Place:
    """A place whose ledger is of the first release."""
    with open_store(lasting_place.kind, lasting_place.location) as store:
        first_ledger.make(session_of(store))
    return lasting_place


@pytest.fixture
def opened(first: Place) -> Iterator[Store]:
    with open_store(first.kind, first.location) as store:
        yield store


def session_of(store: Store) -> object:
    return store._session  # type: ignore[attr-defined]


def asked(store: Store, sql: str) -> list[tuple[object, ...]]:
    return store._session.execute(sql)  # type: ignore[attr-defined, no-any-return]


def upgraded(store: Store) -> None:
    """Assert that nothing of the first ledger was lost, and that it serves as one of today."""
    line = store.ledger.line(READINGS, day(5).key)
    assert line is not None
    assert (line.token, line.rows, line.content_hash) == (3, 7, "hash")
    assert asked(store, "SELECT max(version) FROM ml_ledger_version") == [(schema.VERSION,)]
    assert asked(store, "SELECT token, ledger_version FROM ml_history") == [(3, 1)]
    assert asked(store, "SELECT run_id, pinned_at FROM ml_pin") == [("run", None)]
    put(store, day(6), readings(day(6), 2))
    assert asked(store, "SELECT ledger_version FROM ml_history WHERE token = 1") == [(2,)]


def looks(stage: Connection, place: Place, dies_after: int | None) -> None:
    """Open a store and read its ledger; die after so many statements that change it."""
    with open_store(place.kind, place.location) as store:
        session = session_of(store)
        said = [0]

        def counted(kept):  # type: ignore[no-untyped-def]
            def run(sql, values=()):  # type: ignore[no-untyped-def]
                answer = kept(sql, values)
                said[0] += not sql.lstrip().startswith(("SELECT", "BEGIN", "PRAGMA"))
                if said[0] == dies_after:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            return run

        for name in ("execute", "change"):
            setattr(session, name, counted(getattr(session, name)))
        try:
            stage.send(len(store.ledger.lines(READINGS)))
        except MLProviderError as error:
            stage.send(repr(error))


def test_a_ledger_of_the_first_release_is_upgraded_by_whoever_opens_it(opened: Store) -> None:
    upgraded(opened)


def test_eight_processes_that_come_at_once_upgrade_it_once(first: Place) -> None:
    with ExitStack() as stack:
        actors = [stack.enter_context(Actor(looks, first, None)) for _ in range(8)]
        assert [actor.says() for actor in actors] == [1] * 8
    with open_store(first.kind, first.location) as store:
        upgraded(store)
        assert asked(store, "SELECT version FROM ml_ledger_version ORDER BY version") == [
            (1,),
            (2,),
        ]


@pytest.mark.parametrize(
    "statements",
    [pytest.param(n, marks=() if n == 5 else pytest.mark.faults) for n in range(1, 7)],
)
def test_an_upgrade_that_is_killed_leaves_the_ledger_of_before(
    first: Place, statements: int
) -> None:
    with Actor(looks, first, statements) as actor:
        actor.dies()
    with open_store(first.kind, first.location) as store:
        assert asked(store, "SELECT max(version) FROM ml_ledger_version") == [(1,)]
        assert asked(store, "SELECT token FROM ml_history") == [(3,)]
        upgraded(store)


def test_a_process_of_the_first_release_that_is_still_there_cannot_commit(
    first: Place, opened: Store
) -> None:
    # It looked at the version when it started, and knows nothing of a new one.
    with open_store(first.kind, first.location) as old:
        assert asked(old, "SELECT max(version) FROM ml_ledger_version") == [(1,)]
        old.release()
        upgraded(opened)
        opened.release()
        with pytest.raises(MLProviderError, match="ledger_version"):
            first_ledger.remember(session_of(old), 4)
        assert asked(old, "SELECT count(*) FROM ml_history") == [(2,)]


def test_a_ledger_whose_maker_was_killed_before_its_last_word_is_made_whole(
    lasting_place: Place,
) -> None:
    # Where DDL commits by itself, this is what is left.
    with open_store(lasting_place.kind, lasting_place.location) as store:
        store.ledger.line(READINGS, day(5).key)
        asked(store, "DELETE FROM ml_ledger_version")
        asked(store, "DROP TABLE ml_attempt")
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(5), readings(day(5), 3))
        assert asked(store, "SELECT version FROM ml_ledger_version") == [(schema.VERSION,)]
        assert asked(store, "SELECT count(*) FROM ml_attempt") == [(0,)]


def test_a_newer_ledger_is_refused_by_name(lasting_place: Place) -> None:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(5), readings(day(5), 3))
        asked(store, "INSERT INTO ml_ledger_version (version) VALUES (99)")
    with (
        open_store(lasting_place.kind, lasting_place.location) as store,
        pytest.raises(ConfigurationError, match=r"has version 99.*Upgrade airflow-ml-provider"),
    ):
        store.ledger.line(READINGS, day(5).key)


def test_a_session_that_was_open_before_an_upgrade_is_refused_by_name(
    lasting_place: Place,
) -> None:
    with open_store(lasting_place.kind, lasting_place.location) as store:
        put(store, day(5), readings(day(5), 3))
        mine = claim(store, day(5))
        asked(store, "INSERT INTO ml_ledger_version (version) VALUES (99)")
        for write in (
            lambda: put(store, day(5), readings(day(5), 2, 9.0), claimed=mine),
            lambda: claim(store, day(6)),
            lambda: store.ledger.mark_published(READINGS, day(5).key, 1),
        ):
            with pytest.raises(ConfigurationError, match="has version 99"):
                write()
        assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_a_write_that_meets_an_upgrade_is_refused_and_changes_nothing(
    lasting_place: Place,
) -> None:
    known, begun = threading.Event(), threading.Event()

    def write() -> None:
        with open_store(lasting_place.kind, lasting_place.location) as own:
            mine = claim(own, day(5))
            known.set()
            assert begun.wait(60)
            put(own, day(5), readings(day(5), 2, 9.0), claimed=mine)

    with (
        open_store(lasting_place.kind, lasting_place.location) as newer,
        ThreadPoolExecutor(1) as pool,
    ):
        put(newer, day(5), readings(day(5), 3))
        writing = pool.submit(write)
        assert known.wait(60)
        session: Any = session_of(newer)
        session.begin()
        session.change("UPDATE ml_partition SET token = token")
        begun.set()
        session.added("INSERT INTO ml_ledger_version (version) VALUES ($1)", (99,))
        session.commit()
        with pytest.raises(ConfigurationError, match="has version 99"):
            writing.result(60)
        assert values(newer, day(5)) == [1.0, 2.0, 3.0]


def test_what_the_first_release_commits_while_an_upgrade_waits_is_not_lost(first: Place) -> None:
    if first.kind == "duckdb":
        pytest.skip("a DuckDB file belongs to one process, so two releases never meet in it")

    def upgrade() -> int:
        with open_store(first.kind, first.location) as store:
            return len(store.ledger.lines(READINGS))

    with open_store(first.kind, first.location) as old, ThreadPoolExecutor(1) as pool:
        session: Any = session_of(old)
        session.begin()
        session.change("UPDATE ml_partition SET token = token")
        upgrading = pool.submit(upgrade)
        first_ledger.remember(session, 4)
        session.commit()
        assert upgrading.result(60) == 1
        said = asked(old, "SELECT token, ledger_version FROM ml_history ORDER BY token")
        assert said == [(3, 1), (4, 1)]
