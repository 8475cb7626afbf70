"""The places of the store tests, for the long runs."""

from __future__ import annotations

from tests.stores.conftest import (
    delta,
    delta_s3,
    duckdb_file,
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
    sqlite_file,
)

__all__ = [
    "delta",
    "delta_s3",
    "duckdb_file",
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
    "sqlite_file",
]
