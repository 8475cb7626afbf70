"""The ledger under several hands: who claims, pins, crowns and registers when all do at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.training import Pin
from tests.stores.actor import Actor
from tests.stores.conftest import Place, in_threads
from tests.stores.doors import open_store
from tests.stores.world import NOW, claim, day


def reign(epoch: int, version: str) -> Reign:
    return Reign(epoch, version, NOW, NOW, "a racer", "it was there")


def test_claims_at_once_are_counted_one_by_one(place: Place, store: Store) -> None:
    tokens = in_threads(place, store, lambda own, racer: claim(own, day(5)).token)
    assert sorted(tokens) == [1, 2, 3, 4]


def test_of_pins_at_once_one_holds_for_all(place: Place, store: Store) -> None:
    pins = in_threads(
        place, store, lambda own, racer: own.ledger.pin(Pin("run", "m", str(racer), {}, 1, "r"))
    )
    assert len({pin.version for pin in pins}) == 1
    assert store.ledger.pin(Pin("run", "m", "late", {}, 1, "r")) == pins[0]


def test_an_alias_that_all_move_at_once_moves_once_each_time(place: Place, store: Store) -> None:
    for epoch in range(3):
        moved = in_threads(
            place,
            store,
            lambda own, racer, epoch=epoch: own.ledger.move_alias(
                "m", "champion", reign(epoch + 1, str(racer)), epoch
            ),
        )
        assert sorted(moved) == [False, False, False, True]
        newest = store.ledger.reigns("m", "champion")[-1]
        assert (newest.epoch, newest.version) == (epoch + 1, str(moved.index(True)))
    assert [each.epoch for each in store.ledger.reigns("m", "champion")] == [1, 2, 3]


def test_of_registrations_at_once_one_is_made_and_told_to_all(place: Place, store: Store) -> None:
    made: list[int] = []

    def register(own: Store, racer: int) -> str:
        return own.ledger.register_once("m", "key", lambda: made.append(racer) or f"v{racer}")

    versions = in_threads(place, store, register)
    assert len(made) == 1
    assert set(versions) == {f"v{made[0]}"}


def _register(stage: Connection, place: Place, book: Path, holds: bool, seconds: float) -> None:
    def register() -> str:
        stage.send("begun")
        if holds:
            stage.recv()
        version = f"v{os.getpid()}"
        with book.open("a") as pages:
            pages.write(f"{version}\n")
        return version

    with open_store(place.kind, place.location, lease_seconds=seconds) as store:
        stage.send([store.ledger.register_once("m", "key", register)])


class Registrar(Actor):
    """A process that registers a model; whatever it has made is in the book."""

    def version(self) -> str:
        heard = self.says()
        while heard == "begun":
            heard = self.says()
        return heard[0]


Hire = Callable[..., Registrar]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book"


@pytest.fixture
def hire(lasting_place: Place, book: Path) -> Iterator[Hire]:
    with ExitStack() as stack:
        yield lambda holds=False, seconds=120.0: stack.enter_context(
            Registrar(_register, lasting_place, book, holds, seconds)
        )


@pytest.mark.parametrize("racers", [4, pytest.param(8, marks=pytest.mark.faults)])
def test_processes_that_register_at_once_make_one_version(
    hire: Hire, book: Path, racers: int
) -> None:
    registrars = [hire() for _ in range(racers)]
    versions = {registrar.version() for registrar in registrars}
    assert [*versions] == book.read_text().split()


def test_who_registers_and_dies_is_succeeded_when_its_lease_has_run_out(
    hire: Hire, book: Path
) -> None:
    dead = hire(holds=True, seconds=0.3)
    dead.reaches("begun")
    dead.killed()
    heir = hire(seconds=1.0)
    assert [heir.version()] == book.read_text().split()


@pytest.mark.faults
def test_who_takes_longer_than_its_lease_keeps_it(hire: Hire, book: Path, lasting: Store) -> None:
    slow = hire(holds=True, seconds=3.0)
    slow.reaches("begun")
    lasting.ledger._lease_wait_seconds = 5.0
    with pytest.raises(UnavailableError, match=r"registering m \(key\) for more than 5 s"):
        lasting.ledger.register_once("m", "key", lambda: "another")
    lasting.release()
    slow.goes_on()
    version = slow.version()
    assert book.read_text().split() == [version]
    assert lasting.ledger.register_once("m", "key", lambda: "another") == version


def test_a_registration_that_fails_leaves_the_key_to_the_next(store: Store) -> None:
    def fails() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.ledger.register_once("m", "key", fails)
    assert store.ledger.register_once("m", "key", lambda: "v1") == "v1"
    assert store.ledger.register_once("m", "key", fails) == "v1"
    assert store.ledger.register_once("m", "other", lambda: "v2") == "v2"
