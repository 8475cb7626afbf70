"""The door to the stores: a kind and a location become a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Store

KINDS = ("delta", "duckdb", "iceberg", "memory", "mysql", "parquet", "postgres", "sqlite")
LAKES = ("delta", "iceberg", "parquet")


def open_store(kind: str, location: str, **options: Any) -> Store:
    """
    Return the store of ``kind`` at ``location``: a path, a URI, or any text for memory.

    Nothing is connected yet: use it in a ``with`` block. ``options`` go to the store's own class.

    :raises ConfigurationError: for a kind that does not exist.
    """
    if kind in LAKES:
        from airflow_ml_provider.stores.open_lake import open_lake

        return open_lake(kind, location, open_store, **options)
    match kind:
        case "duckdb":
            from airflow_ml_provider.stores.duckdb.store import DuckDBStore

            return DuckDBStore(location, **options)
        case "mysql":
            from airflow_ml_provider.stores.mysql.store import MysqlStore

            return MysqlStore(location, **options)
        case "postgres":
            from airflow_ml_provider.stores.postgres.store import PostgresStore

            return PostgresStore(location, **options)
        case "sqlite":
            from airflow_ml_provider.stores.sqlite.store import SqliteStore

            return SqliteStore(location, **options)
        case "memory":
            from airflow_ml_provider.stores.memory.store import MemoryStore

            return MemoryStore(location, **options)
    msg = f"{kind!r} is not a kind of store. Use one of {', '.join(KINDS)}."
    raise ConfigurationError(msg)
