"""A model registry as an Airflow hook: for Dag authors, and for the test of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.hooks.registry import open_registry

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import ModelRegistry


class MLflowRegistryHook(BaseHook):
    """
    An MLflow model registry.

    :param registry_conn_id: a connection of type ``mlflow``; None is the embedded registry.
    """

    conn_name_attr = "registry_conn_id"
    default_conn_name = "mlflow_default"
    conn_type = "mlflow"
    hook_name = "MLflow"

    def __init__(self, registry_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.registry_conn_id = registry_conn_id

    def get_conn(self) -> ModelRegistry:
        """Open the registry."""
        return open_registry(self.registry_conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the registry answers, and where it is."""
        try:
            registry = self.get_conn()
            registry.alias("nobody", "champion")  # a registry is connected to when first asked
        except MLProviderError as error:
            return False, str(error)
        return True, f"The registry at {registry.address} answers."

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Show the fields of a tracking server."""
        return {
            "hidden_fields": ["schema"],
            "relabeling": {"host": "Address of the tracking server"},
            "placeholders": {
                "host": "http://mlflow:5000",
                "extra": '{"tracking_uri": "…", "artifact_root": "…"}',
            },
        }
