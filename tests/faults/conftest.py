"""The places of the store tests, for the long runs."""

from __future__ import annotations

from tests.stores.conftest import (
    duckdb_file,
    generic_postgres,
    generic_sqlite,
    lasting_place,
    postgres,
    postgres_server,
    small_engine_file,
    sqlite_file,
    versioned_postgres,
    versioned_sqlite,
)

__all__ = [
    "duckdb_file",
    "generic_postgres",
    "generic_sqlite",
    "lasting_place",
    "postgres",
    "postgres_server",
    "small_engine_file",
    "sqlite_file",
    "versioned_postgres",
    "versioned_sqlite",
]
