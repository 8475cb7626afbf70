"""The places of the store tests, for the long runs."""

from __future__ import annotations

from tests.stores.conftest import (
    duckdb_file,
    lasting_place,
    mysql,
    mysql_server,
    postgres,
    postgres_server,
    sqlite_file,
)

__all__ = [
    "duckdb_file",
    "lasting_place",
    "mysql",
    "mysql_server",
    "postgres",
    "postgres_server",
    "sqlite_file",
]
