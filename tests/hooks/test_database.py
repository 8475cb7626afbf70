"""Any other database: an Airflow connection whose hook opens the connections of a store."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.hooks.store import open_store
from airflow_ml_provider.hooks.store_hook import StoreHook
from airflow_ml_provider.stores.generic.store import GenericStore, VersionedStore
from tests.stores.conftest import Place, postgres, postgres_server
from tests.stores.world import READINGS, day, put, readings, values, vouched

__all__ = ["postgres", "postgres_server"]

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def warehouse(postgres: Place, monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes a connection of type postgres with an extra of ours."""
    parts = urlsplit(postgres.location)

    def connection(known: object) -> None:
        conn = {
            "conn_type": "postgres",
            "host": parse_qs(parts.query).get("host", [parts.hostname])[0],
            "login": parts.username,
            "password": parts.password,
            "schema": parts.path.removeprefix("/"),
            "port": parts.port,
            "extra": json.dumps({"ml_store": known, "application_name": "theirs"}),
        }
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(conn))

    return connection


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("known", "kind"),
    [({}, GenericStore), ({"transactions": False, "ddl_in_transaction": False}, VersionedStore)],
    ids=["in transactions", "in versions"],
)
def test_the_hook_of_a_connection_opens_a_store(warehouse, known, kind):
    warehouse(known)
    with open_store("warehouse") as store:
        assert type(store) is kind
        put(store, day(5), readings(day(5), 3))
        put(store, day(5), readings(day(5), 2, 7.0))
        assert values(store, day(5)) == [7.0, 8.0]
        vouched(store, day(5))
        # An extra that is the driver's own still reaches it.
        (name,) = store.session.execute("SHOW application_name")[0]
        assert name == "theirs"
    assert StoreHook("warehouse").test_connection()[0]


@pytest.mark.postgres
def test_neither_insert_rows_nor_run_is_on_the_way(warehouse, mocker):
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    avoided = [mocker.patch.object(DbApiHook, name) for name in ("insert_rows", "run")]
    warehouse({})
    with open_store("warehouse") as store:
        put(store, day(5), readings(day(5), 3))
        assert store.count(READINGS, None) == 3
    assert [each.call_count for each in avoided] == [0, 0]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"row_counts": False}, "lacks 'row_counts'"),
        ({"rows": True}, "no capabilities"),
        ({"new_versions": True}, "no capabilities"),
        ("yes", "must name capabilities"),
    ],
)
def test_a_connection_says_what_its_engine_lacks(monkeypatch, known, said):
    conn = {"conn_type": "postgres", "host": "h", "extra": json.dumps({"ml_store": known})}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(conn))
    with pytest.raises(ConfigurationError, match=said):
        open_store("c")


def test_a_password_is_in_no_address(monkeypatch):
    conn = {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 9,
        "login": "me",
        "password": "hunter2",
        "extra": json.dumps({"ml_store": {}}),
    }
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(conn))
    well, said = StoreHook("c").test_connection()
    assert not well
    assert said.startswith("postgres://127.0.0.1:9: ")
    assert "hunter2" not in said
