"""A store as an Airflow hook: for Dag authors, and for the test on the page of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.hooks.store import open_store

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Store


class StoreHook(BaseHook):
    """
    A store of tables with its ledger: a DuckDB or SQLite file, a PostgreSQL or MySQL database.

    :param store_conn_id: a connection of type ``duckdb``, ``mysql``, ``postgres`` or ``sqlite``;
        None is the embedded DuckDB file.
    """

    conn_name_attr = "store_conn_id"
    default_conn_name = "ml_store_default"
    conn_type = "duckdb"
    hook_name = "DuckDB (ML store)"

    def __init__(self, store_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store_conn_id = store_conn_id

    def get_conn(self) -> Store:
        """Open the store; use it as a context manager."""
        return open_store(self.store_conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the store can be opened, and where it is."""
        try:
            with self.get_conn() as store:
                store.ledger.judgements("")  # a store is connected to when it is first asked
                return True, f"The store at {store.address} answers."
        except MLProviderError as error:
            return False, str(error)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Show the one field that a DuckDB file needs."""
        return {
            "hidden_fields": ["login", "password", "port", "schema", "extra"],
            "relabeling": {"host": "Path of the file"},
            "placeholders": {"host": "/data/store.duckdb"},
        }
