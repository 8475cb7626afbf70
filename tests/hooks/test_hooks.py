from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from airflow_ml_provider.domain.errors import UnknownConnectionError
from airflow_ml_provider.hooks.home import embedded_home
from airflow_ml_provider.hooks.lake_hook import (
    DeltaStoreHook,
    IcebergStoreHook,
    ParquetStoreHook,
)
from airflow_ml_provider.hooks.registry import open_registry, tracking_uri
from airflow_ml_provider.hooks.registry_hook import MLflowRegistryHook
from airflow_ml_provider.hooks.store import location_of, open_store
from airflow_ml_provider.hooks.store_hook import StoreHook
from airflow_ml_provider.stores.lake.location import LakeLocation


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    for option in ("HOME", "STORE", "REGISTRY"):
        monkeypatch.delenv(f"AIRFLOW__AIRFLOW_ML__{option}", raising=False)
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    return tmp_path


def connection(**parts):
    from airflow.sdk import Connection

    parts["extra"] = json.dumps(parts.pop("extra", {}))
    return Connection(conn_id="c", **parts)


def test_the_embedded_home_lies_in_airflows(home):
    assert embedded_home() == home / "airflow_ml"
    assert embedded_home().is_dir()


def test_airflows_configuration_chooses_the_embedded_home(home):
    (home / "airflow.cfg").write_text(f"[airflow_ml]\nhome = {home}/elsewhere%d\n")
    assert embedded_home() == home / "elsewhere%d"


def test_the_environment_wins_over_the_configuration(home, monkeypatch):
    (home / "airflow.cfg").write_text("[airflow_ml]\nhome = /nowhere\n")
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(home / "mine"))
    assert embedded_home() == home / "mine"


def test_options_name_the_connections_of_systems_that_name_none(home, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"duckdb:///{home}/w.duckdb")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", f"duckdb:///{home}/o.duckdb")
    monkeypatch.setenv(
        "AIRFLOW_CONN_MODELS", '{"conn_type": "mlflow", "host": "http://mlflow:5000"}'
    )
    (home / "airflow.cfg").write_text("[airflow_ml]\nstore = warehouse\nregistry = models\n")

    assert open_store().address.endswith("/w.duckdb")
    assert open_store("other").address.endswith("/o.duckdb")
    assert open_registry().address == "http://mlflow:5000"


def test_a_home_in_a_relative_place_is_made_absolute(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setenv("AIRFLOW_HOME", "here")
    assert embedded_home() == home / "here" / "airflow_ml"


def test_without_a_connection_airflow_is_not_imported(home):
    script = (
        "import sys\n"
        "from airflow_ml_provider.hooks.store import open_store\n"
        "with open_store() as store:\n"
        "    store.ledger.judgements('nobody')\n"
        "assert 'airflow' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": ":".join(p for p in sys.path if p),
            "AIRFLOW_HOME": str(home),
        },
    )
    assert (home / "airflow_ml" / "store.duckdb").exists()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_connection_names_a_file_and_its_kind(home, monkeypatch, kind):
    path = home / "warehouse"
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": kind, "host": str(path)})
    )
    with open_store("warehouse") as store:
        assert list(store.ledger.judgements("nobody")) == []
        assert store.address == f"{kind}:{path}"
    assert path.exists()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"conn_type": "duckdb", "host": "/data/s.duckdb"}, "/data/s.duckdb"),
        ({"conn_type": "duckdb", "schema": "data/s.duckdb"}, "/data/s.duckdb"),
        ({"conn_type": "sqlite", "host": "/data/s.sqlite"}, "/data/s.sqlite"),
        (
            {
                "conn_type": "postgres",
                "host": "db",
                "login": "ml",
                "password": "p@ss/word",
                "schema": "wh",
                "extra": {"sslmode": "require", "cursor": "dictcursor"},
            },
            "postgresql://ml:p%40ss%2Fword@db:5432/wh?sslmode=require",
        ),
        (
            {"conn_type": "postgres", "host": "/run/pg", "login": "ml", "schema": "wh"},
            "postgresql://ml@/wh?host=%2Frun%2Fpg&port=5432",
        ),
        (
            {
                "conn_type": "mysql",
                "host": "db",
                "login": "ml",
                "password": "p@ss/word",
                "schema": "wh",
                "extra": {"ssl": '{"ca": "/ca.pem"}', "ssl_mode": "VERIFY_CA", "cursor": "x"},
            },
            "mysql://ml:p%40ss%2Fword@db:3306/wh?ssl_mode=VERIFY_CA&ssl_ca=%2Fca.pem",
        ),
        (
            {"conn_type": "mysql", "schema": "wh", "extra": {"unix_socket": "/run/my"}},
            "mysql://@localhost:3306/wh?unix_socket=%2Frun%2Fmy",
        ),
        ({"conn_type": "delta", "host": "/data/my lake"}, "/data/my lake"),
        ({"conn_type": "delta", "schema": "data/lake"}, "/data/lake"),
        (
            {"conn_type": "delta", "host": "/data/my lake", "extra": {"stage": "/fast"}},
            "file:///data/my%20lake?stage=%2Ffast",
        ),
        (
            {
                "conn_type": "delta",
                "host": "s3://bucket/a b",
                "login": "key",
                "password": "s/ecret",
                "extra": {"endpoint_url": "http://h:9000", "region_name": "eu-1", "verify": False},
            },
            "s3://key:s%2Fecret@bucket/a%20b?endpoint_url=http%3A%2F%2Fh%3A9000&region=eu-1",
        ),
        (
            {
                "conn_type": "delta",
                "host": "s3://bucket",
                "extra": {"aws_access_key_id": "key", "aws_secret_access_key": "secret"},
            },
            "s3://key:secret@bucket",
        ),
        ({"conn_type": "delta", "host": "s3://bucket/a"}, "s3://bucket/a"),
        ({"conn_type": "parquet", "host": "/data/my lake"}, "/data/my lake"),
    ],
    ids=[
        "host",
        "path of a URI",
        "sqlite",
        "postgres",
        "socket",
        "mysql",
        "mysql on a socket",
        "lake",
        "lake of a URI",
        "lake with a stage",
        "lake in an object store",
        "keys in the extra",
        "keys of the machine",
        "lake of another format",
    ],
)
def test_a_connection_becomes_a_location(parts, expected):
    assert location_of(connection(**parts)) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"conn_type": "mlflow", "host": "http://mlflow", "port": 5000}, "http://mlflow:5000"),
        ({"conn_type": "mlflow", "host": "mlflow"}, "http://mlflow"),
        ({"conn_type": "https", "host": "ml.example"}, "https://ml.example"),
        ({"conn_type": "mlflow", "host": "sqlite:////data/r.db"}, "sqlite:////data/r.db"),
        (
            {"conn_type": "mlflow", "host": "h", "login": "ada", "password": "p/w"},
            "http://ada:p%2Fw@h",
        ),
        ({"conn_type": "mlflow", "extra": {"tracking_uri": "databricks"}}, "databricks"),
    ],
    ids=["with scheme", "bare host", "https", "sqlite", "login", "extra"],
)
def test_a_connection_becomes_a_tracking_uri(parts, expected):
    assert tracking_uri(connection(**parts)) == expected


@pytest.mark.parametrize(
    ("opened", "conn", "said"),
    [
        (open_store, None, "Airflow knows no connection 'c'"),
        (open_store, {"conn_type": "oracle", "host": "h"}, "Name one of type 'postgres' or "),
        (open_store, {"conn_type": "mysql", "host": "h"}, "names no database"),
        (open_store, {"conn_type": "duckdb"}, "the path of the DuckDB file"),
        (open_store, {"conn_type": "sqlite", "host": ":memory:"}, "the path of the SQLite file"),
        (open_store, {"conn_type": "delta"}, "names no lake"),
        (
            open_store,
            {"conn_type": "delta", "host": "/l", "extra": '{"ledger_conn_id": "nobody"}'},
            "connection 'nobody', which is named as the ledger of 'c'",
        ),
        (open_registry, {"conn_type": "mlflow"}, "names no MLflow server"),
    ],
    ids=[
        "unknown",
        "another type",
        "no database",
        "no file",
        "no SQLite file",
        "no folder",
        "no such ledger",
        "no server",
    ],
)
def test_a_connection_that_cannot_serve_is_told_why(monkeypatch, opened, conn, said):
    if conn is not None:
        monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(conn))
    with pytest.raises(UnknownConnectionError) as caught:
        opened("c")
    assert said in str(caught.value)


def test_the_store_hook_tests_its_connection(home, monkeypatch):
    assert StoreHook().test_connection()[0]
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps({"conn_type": "duckdb", "host": "/proc/x/y"}))
    well, said = StoreHook("c").test_connection()
    assert not well
    assert said


@pytest.mark.parametrize("hook", [DeltaStoreHook, ParquetStoreHook])
def test_the_ledger_of_a_lake_is_a_connection_of_its_own(home, monkeypatch, hook):
    ledger = {"conn_type": "duckdb", "host": str(home / "ledger.duckdb")}
    monkeypatch.setenv("AIRFLOW_CONN_BOOKS", json.dumps(ledger))
    lake = {
        "conn_type": hook.conn_type,
        "host": str(home / "lake"),
        "extra": json.dumps({"ledger_conn_id": "books"}),
    }
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(lake))
    with open_store("lake") as store:
        assert list(store.ledger.judgements("nobody")) == []
    assert (home / "ledger.duckdb").exists()
    assert hook("lake").test_connection() == (
        True,
        f"The store at {hook.conn_type}:{home / 'lake'} answers.",
    )


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        ({"conn_type": "sqlite", "host": "/data/c.sqlite"}, ("sqlite", "/data/c.sqlite")),
        (
            {
                "conn_type": "iceberg",
                "host": "https://catalog/api",
                "port": 8181,
                "login": "ml",
                "password": "p/w",
                "extra": '{"warehouse": "lake", "verify": "no"}',
            },
            ("rest", "https://ml:p%2Fw@catalog:8181/api?warehouse=lake"),
        ),
    ],
    ids=["database", "REST"],
)
def test_the_catalog_of_an_iceberg_lake_is_a_connection_of_its_own(monkeypatch, catalog, expected):
    monkeypatch.setenv("AIRFLOW_CONN_NAMES", json.dumps(catalog))
    lake = {"conn_type": "iceberg", "host": "s3://b/a", "extra": {"catalog_conn_id": "names"}}
    place = LakeLocation.parse(location_of(connection(**lake)))
    assert (place.root, place.catalog) == ("s3://b/a", expected)


def test_an_iceberg_lake_that_cannot_be_a_catalog_is_told_so(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_NAMES", '{"conn_type": "iceberg", "host": "/data/lake"}')
    lake = {"conn_type": "iceberg", "host": "s3://b/a", "extra": {"catalog_conn_id": "names"}}
    with pytest.raises(UnknownConnectionError, match="the address of a REST catalog"):
        location_of(connection(**lake))


def test_an_iceberg_lake_in_a_folder_needs_nothing_else(home, monkeypatch):
    lake = {"conn_type": "iceberg", "host": str(home / "lake")}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(lake))
    assert IcebergStoreHook("lake").test_connection()[0]


def test_a_lake_in_an_object_store_without_a_ledger_is_told_so(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "delta", "host": "s3://b/a"}))
    well, said = DeltaStoreHook("lake").test_connection()
    assert (well, "ledger_conn_id" in said) == (False, True)


def test_the_registry_hook_tells_a_connection_without_a_server(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps({"conn_type": "mlflow"}))
    well, said = MLflowRegistryHook("c").test_connection()
    assert (well, "names no MLflow server" in said) == (False, True)


def test_the_registry_hook_tries_its_server(monkeypatch):
    conn = {"conn_type": "mlflow", "host": "127.0.0.1", "port": 9}
    monkeypatch.setenv("AIRFLOW_CONN_C", json.dumps(conn))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    well, said = MLflowRegistryHook("c").test_connection()
    assert (well, "does not answer" in said) == (False, True)
