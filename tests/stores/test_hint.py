"""A large table without an index on the slice column: the write says so, once, with the cure."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.mysql import tables as mysql_tables
from airflow_ml_provider.stores.open import open_store
from airflow_ml_provider.stores.postgres import session as postgres_session
from airflow_ml_provider.stores.sql import hint
from airflow_ml_provider.stores.sqlite import tables as sqlite_tables
from tests.stores.conftest import Place, administer, place_of
from tests.stores.made import table_by_hand
from tests.stores.world import READINGS, day, put, readings

COLUMNS = "ts TIMESTAMPTZ, sensor TEXT, value DOUBLE PRECISION"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def indexed_place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Every engine that finds a slice by an index; there a table of a few rows is large."""
    monkeypatch.setattr(postgres_session, "LARGE", 1)
    monkeypatch.setattr(sqlite_tables, "LARGE", 3)
    monkeypatch.setattr(mysql_tables, "LARGE", 1)
    monkeypatch.setattr(hint, "_said", set())
    return place_of(request)


@pytest.fixture
def opened(indexed_place: Place) -> Iterator[Store]:
    with open_store(indexed_place.kind, indexed_place.location) as store:
        yield store


def by_hand(store: Store, *statements: str) -> None:
    for statement in statements:
        store._session.execute(statement)  # type: ignore[attr-defined]


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def test_a_write_says_once_what_would_spare_it_the_whole_table(
    indexed_place: Place, opened: Store, caplog: pytest.LogCaptureFixture
) -> None:
    by_hand(opened, *table_by_hand(indexed_place.kind, COLUMNS))
    for number in (5, 6):
        put(opened, day(number), readings(day(number), 3))
    (said,) = warned(caplog)
    assert "Table lab.readings is large and has no index on 'ts'" in said
    cure = said.partition("Run: ")[2]
    assert opened.hint(READINGS, "ts") == said
    if indexed_place.kind == "postgres":  # not inside a transaction
        administer(indexed_place.location, cure)
    else:
        by_hand(opened, cure)
    assert opened.hint(READINGS, "ts") is None


def test_a_table_that_is_made_by_a_write_has_its_index(
    opened: Store, caplog: pytest.LogCaptureFixture
) -> None:
    put(opened, day(5), readings(day(5), 3))
    assert warned(caplog) == []
    assert opened.hint(READINGS, "sensor") is not None


def test_an_index_in_which_the_column_comes_second_does_not_help(
    indexed_place: Place, opened: Store
) -> None:
    by_hand(opened, *table_by_hand(indexed_place.kind, COLUMNS))
    put(opened, day(5), readings(day(5), 3))
    name = '"lab.readings"' if indexed_place.kind == "sqlite" else "lab.readings"
    by_hand(opened, f"CREATE INDEX second ON {name} (value, ts)")
    assert opened.hint(READINGS, "ts") is not None


def test_small_tables_views_and_tables_that_are_not_there_need_none(
    indexed_place: Place, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened.hint(READINGS, "ts") is None
    by_hand(opened, *table_by_hand(indexed_place.kind, COLUMNS))
    put(opened, day(5), readings(day(5), 3))
    monkeypatch.setattr(postgres_session, "LARGE", 10**9)
    monkeypatch.setattr(sqlite_tables, "LARGE", 10**9)
    monkeypatch.setattr(mysql_tables, "LARGE", 10**9)
    assert opened.hint(READINGS, "ts") is None


def test_other_stores_have_no_use_for_an_index(store: Store) -> None:
    put(store, day(5), readings(day(5), 3))
    assert store.hint(READINGS, "ts") is None
