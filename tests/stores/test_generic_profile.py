"""What an engine must have to be a store: refused by name, vouched for, or tried."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import (
    CheckFailedError,
    ConfigurationError,
    DataError,
    SchemaMismatchError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Column, Store
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.stores.generic.dialect import GenericDialect
from airflow_ml_provider.stores.generic.engines import KNOWN, profile_of
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.generic.store import GenericStore, VersionedStore, open_generic
from airflow_ml_provider.stores.ledger.schema import VERSION
from tests.stores import small_engine
from tests.stores.conftest import Place, in_threads
from tests.stores.doors import open_store, psycopg_connection
from tests.stores.world import READINGS, claim, day, put, readings, values, vouched


def never() -> Any:
    raise AssertionError("Nothing may be connected to.")


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        ("mssql", ["consistent_reads"]),
        ("trino", ["consistent_reads", "unique_keys"]),
        ("clickhouse", ["row_counts", "consistent_reads", "unique_keys"]),
        ("gcpbigquery", ["unique_keys"]),
        ("oracle", ["empty_text"]),
        ("something", ["consistent_reads"]),
    ],
)
def test_an_engine_that_cannot_keep_the_promise_is_refused_by_what_it_lacks(
    kind: str, lacking: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_generic(never, profile_of(kind), "x")
    said = str(refused.value)
    named = [name for name in ("row_counts", "consistent_reads", "empty_text", "unique_keys")
             if f"'{name}'" in said]  # fmt: skip
    assert sorted(named) == sorted(lacking)
    assert "Nothing was read or written" in said


@pytest.mark.parametrize("kind", ["postgres", "redshift", "snowflake"])
def test_an_engine_with_transactions_exchanges_rows_in_one(kind: str) -> None:
    store = open_generic(never, KNOWN[kind], "x")
    assert type(store) is GenericStore
    assert store.capabilities.transactions
    assert store.tested == (kind == "postgres")


def test_what_a_person_vouches_for_opens_an_unknown_engine() -> None:
    profile = profile_of("something").known_as({"consistent_reads": True})
    store = open_generic(never, profile, "x")
    assert type(store) is VersionedStore
    assert not store.capabilities.transactions


@pytest.mark.parametrize(
    ("said", "answer"),
    [({"row_cuonts": True}, "no capabilities"), ({"row_counts": "yes"}, "true or false")],
)
def test_a_word_that_is_no_capability_is_refused(said: dict[str, object], answer: str) -> None:
    with pytest.raises(ConfigurationError, match=answer):
        KNOWN["postgres"].known_as(said)


class Mute(small_engine.Connection):
    """A connection whose driver counts no rows."""

    __module__ = small_engine.__name__

    def cursor(self, *_: Any, **__: Any) -> Any:
        return sqlite3.Connection.cursor(self, _Mute)


class _Mute(small_engine.Cursor):
    rowcount = -1


def small(path: str, profile: Profile = small_engine.PROFILE, **how: Any) -> Store:
    return open_generic(partial(small_engine.connect, path, **how), profile, "small")


def test_a_connection_that_commits_by_itself_is_found_out(small_engine_file: str) -> None:
    with (
        small(small_engine_file, commits_by_itself=True) as store,
        pytest.raises(ConfigurationError, match="lacks 'transactions'"),
    ):
        claim(store, day(5))
    with small(small_engine_file) as well:
        assert claim(well, day(5)).token == 1


@pytest.mark.parametrize("alone", [False, True])
def test_a_driver_that_counts_no_rows_is_found_out(
    small_engine_file: str, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    monkeypatch.setattr(small_engine, "Connection", Mute)
    profile = small_engine.PROFILE.known_as({"transactions": not alone})
    with (
        small(small_engine_file, profile, commits_by_itself=alone) as store,
        pytest.raises(ConfigurationError, match="lacks 'row_counts'"),
    ):
        claim(store, day(5))


def test_keys_that_are_not_enforced_are_found_out(small_engine_file: str) -> None:
    with small(small_engine_file) as store:
        claim(store, day(5))
    plain = sqlite3.connect(small_engine_file)
    plain.executescript(
        "DROP TABLE ml_ledger_version; CREATE TABLE ml_ledger_version (version BIGINT);"
    )
    plain.close()
    with (
        small(small_engine_file) as store,
        pytest.raises(ConfigurationError, match="lacks 'unique_keys'"),
    ):
        claim(store, day(5))


def test_a_trial_leaves_the_ledger_as_it_was(small_engine_file: str) -> None:
    for _ in range(3):
        with small(small_engine_file) as store:
            claim(store, day(5))
    plain = sqlite3.connect(small_engine_file)
    assert plain.execute("SELECT version FROM ml_ledger_version").fetchall() == [(VERSION,)]
    plain.close()


def test_a_value_that_the_engine_changes_is_refused_with_the_name_of_its_column(
    small_engine_file: str,
) -> None:
    with small(small_engine_file) as store:
        put(store, day(5), readings(day(5), 2))
        plain = sqlite3.connect(small_engine_file)
        plain.execute(
            "CREATE TRIGGER loud AFTER INSERT ON `lab.readings` BEGIN "
            "UPDATE `lab.readings` SET sensor = upper(sensor) WHERE rowid = new.rowid; END"
        )
        plain.close()
        with pytest.raises(DataError, match="other values in column 'sensor' than it was given"):
            put(store, day(5), readings(day(5), 3))
        assert values(store, day(5)) == [1.0, 2.0]


@pytest.mark.postgres
def test_text_that_a_server_pads_is_refused(generic_postgres: Place) -> None:
    with open_store(generic_postgres.kind, generic_postgres.location) as store:
        store._session.execute("CREATE SCHEMA lab")
        columns = "ts TIMESTAMPTZ, sensor CHAR(5), value DOUBLE PRECISION"
        store._session.execute(f"CREATE TABLE lab.readings ({columns})")
        with pytest.raises(DataError, match="'sensor'"):
            put(store, day(5), readings(day(5), 3))
        assert values(store, day(5)) == []


@pytest.mark.postgres
def test_a_column_whose_type_says_too_little_is_refused(generic_postgres: Place) -> None:
    with open_store(generic_postgres.kind, generic_postgres.location) as store:
        store._session.execute("CREATE SCHEMA lab")
        columns = "ts TIMESTAMPTZ, sensor TEXT, value NUMERIC"
        store._session.execute(f"CREATE TABLE lab.readings ({columns})")
        with pytest.raises(SchemaMismatchError, match=r"'value' \(numeric\)"):
            put(store, day(5), readings(day(5), 3))


@pytest.mark.postgres
def test_where_keys_are_not_enforced_claims_are_still_counted_one_by_one(postgres: Place) -> None:
    def server(**changed: bool) -> Store:
        connect = partial(psycopg_connection, postgres.location, False)
        return open_generic(connect, KNOWN["postgres"].known_as(changed), "server")

    with server() as store:
        claim(store, day(5))
        store._session.execute("ALTER TABLE ml_partition DROP CONSTRAINT ml_partition_pkey")
        store._session.execute(
            "ALTER TABLE ml_ledger_version DROP CONSTRAINT ml_ledger_version_pkey"
        )
        for number in (6, 7, 8):
            tokens = in_threads(
                postgres,
                store,
                lambda own, racer, number=number: _claims(server, number),
            )
            assert sorted(tokens) == [1, 2, 3, 4]


def _claims(server: Any, number: int) -> int:
    with server(unique_keys=False) as own:
        return claim(own, day(number)).token


@pytest.mark.postgres
def test_where_ddl_commits_by_itself_a_table_is_made_beside_the_transaction(
    postgres: Place,
) -> None:
    connect = partial(psycopg_connection, postgres.location, False)
    profile = KNOWN["postgres"].known_as({"ddl_in_transaction": False})
    with open_generic(connect, profile, "server") as store:
        with pytest.raises(CheckFailedError):
            put(store, day(5), readings(day(5), 2), expectations=Expectations(rows_min=5))
        assert [column.name for column in store.columns(READINGS)] == ["ts", "sensor", "value"]
        put(store, day(5), readings(day(5), 2))
        assert values(store, day(5)) == [1.0, 2.0]


@pytest.mark.postgres
def test_where_ddl_commits_by_itself_columns_come_once_whoever_asks_first(
    postgres: Place,
) -> None:
    connect = partial(psycopg_connection, postgres.location, False)
    profile = KNOWN["postgres"].known_as({"ddl_in_transaction": False})
    together = threading.Barrier(4)

    def write(number: int) -> Change:
        with open_generic(connect, profile, "server") as own:
            together.wait()
            rows = readings(day(number), 2).append_column("unit", pa.array(["K"] * 2))
            return put(own, day(number), rows, schema=SchemaPolicy.ADD_COLUMNS).change

    with open_generic(connect, profile, "server") as store, ThreadPoolExecutor(4) as pool:
        put(store, day(9), readings(day(9), 2))
        assert set(pool.map(write, range(1, 5))) == {Change.WRITTEN}
        names = [column.name for column in store.columns(READINGS)]
        assert names == ["ts", "sensor", "value", "unit"]
        vouched(store, day(9))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("redshift", """ALTER TABLE "lab"."readings" ADD COLUMN "unit" VARCHAR(65535)"""),
        ("mssql", """ALTER TABLE "lab"."readings" ADD "unit" NVARCHAR(MAX)"""),
    ],
)
def test_a_column_that_comes_later_is_as_long_as_one_of_the_first_write(
    kind: str, said: str
) -> None:
    unit = Column("unit", "character varying")
    assert GenericDialect(KNOWN[kind]).addition(READINGS, unit) == said
