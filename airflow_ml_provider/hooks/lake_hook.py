"""Lakes as Airflow hooks, one for each format, so that Airflow offers their connections."""

from __future__ import annotations

from typing import Any

from airflow_ml_provider.hooks.store_hook import StoreHook


class _LakeHook(StoreHook):
    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Show what a lake needs."""
        return _fields('{"ledger_conn_id": "…", "endpoint_url": "…", "region_name": "…"}')


class DeltaStoreHook(_LakeHook):
    """
    A store of Delta Lake tables below a folder, or in an object store.

    :param store_conn_id: a connection of type ``delta``.
    """

    default_conn_name = "delta_default"
    conn_type = "delta"
    hook_name = "Delta Lake (ML store)"


class ParquetStoreHook(_LakeHook):
    """
    A store of plain Parquet files under manifests, below a folder or in an object store.

    :param store_conn_id: a connection of type ``parquet``.
    """

    default_conn_name = "parquet_default"
    conn_type = "parquet"
    hook_name = "Parquet (ML store)"


class IcebergStoreHook(StoreHook):
    """
    A store of Iceberg tables below a folder, or in an object store, with a catalog.

    :param store_conn_id: a connection of type ``iceberg``.
    """

    default_conn_name = "iceberg_default"
    conn_type = "iceberg"
    hook_name = "Iceberg (ML store)"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Show what a lake with a catalog needs."""
        return _fields('{"ledger_conn_id": "…", "catalog_conn_id": "…", "endpoint_url": "…"}')


def _fields(extra: str) -> dict[str, Any]:
    return {
        "hidden_fields": ["port", "schema"],
        "relabeling": {
            "host": "Folder or s3://bucket/prefix",
            "login": "Access key id",
            "password": "Secret access key",
        },
        "placeholders": {"host": "s3://bucket/prefix", "extra": extra},
    }
