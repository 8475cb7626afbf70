"""The places of the store tests, for the long runs."""

from __future__ import annotations

from tests.stores.conftest import (
    delta,
    delta_s3,
    duckdb_file,
    generic_postgres,
    generic_sqlite,
    iceberg,
    iceberg_s3,
    lasting_place,
    mysql,
    mysql_server,
    objects_server,
    parquet,
    parquet_s3,
    postgres,
    postgres_server,
    small_engine_file,
    sqlite_file,
    versioned_postgres,
    versioned_sqlite,
)

__all__ = [
    "delta",
    "delta_s3",
    "duckdb_file",
    "generic_postgres",
    "generic_sqlite",
    "iceberg",
    "iceberg_s3",
    "lasting_place",
    "mysql",
    "mysql_server",
    "objects_server",
    "parquet",
    "parquet_s3",
    "postgres",
    "postgres_server",
    "small_engine_file",
    "sqlite_file",
    "versioned_postgres",
    "versioned_sqlite",
]
