"""What Airflow is told about us, as plain data: it is read at the start of every command."""

from __future__ import annotations

from typing import Any

_TITLE = "Machine Learning"
_ROOM = "airflow_ml_provider"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description in the shape of Airflow's ``provider_info`` schema."""
    return {
        "package-name": "airflow-ml-provider",
        "name": _TITLE,
        "description": (
            "Feature, training and batch inference pipelines that may be run again at any time, "
            "from a compact YAML file or as operators."
        ),
        "integrations": [
            {
                "integration-name": _TITLE,
                "external-doc-url": "https://pypi.org/project/airflow-ml-provider/",
                "tags": ["software"],
            }
        ],
        "operators": _modules(
            "operators.inference",
            "operators.materialize",
            "operators.publish",
            "operators.staleness",
            "operators.training",
        ),
        "sensors": _modules("sensors.data_ready"),
        "triggers": _modules("triggers.data_ready"),
        "hooks": _modules("hooks.lake_hook", "hooks.registry_hook", "hooks.store_hook"),
        "notifications": [f"{_ROOM}.notifications.pipeline.PipelineNotifier"],
        "connection-types": [
            _mlflow(),
            _lake(
                "delta", "Delta Lake", "DeltaStoreHook", '"endpoint_url": "…", "region_name": "…"'
            ),
            _lake(
                "iceberg",
                "Iceberg",
                "IcebergStoreHook",
                '"catalog_conn_id": "…", "endpoint_url": "…"',
            ),
            _lake(
                "parquet",
                "Parquet",
                "ParquetStoreHook",
                '"endpoint_url": "…", "region_name": "…"',
            ),
        ],
        "asset-uris": [{"schemes": ["ml"], "handler": f"{_ROOM}.factory.asset.checked_uri"}],
        "plugins": [{"name": "airflow_ml", "plugin-class": f"{_ROOM}.plugin.MLPlugin"}],
        "cli": [f"{_ROOM}.cli.airflow.get_cli_commands"],
        "config": {"airflow_ml": _options()},
    }


def _modules(*names: str) -> list[dict[str, Any]]:
    modules = [f"{_ROOM}.{name}" for name in names]
    return [{"integration-name": _TITLE, "python-modules": modules}]


def _mlflow() -> dict[str, Any]:
    return {
        "connection-type": "mlflow",
        "hook-class-name": f"{_ROOM}.hooks.registry_hook.MLflowRegistryHook",
        "hook-name": "MLflow",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"host": "Address of the tracking server"},
            "placeholders": {"host": "http://mlflow:5000"},
        },
    }


def _lake(kind: str, name: str, hook: str, extra: str) -> dict[str, Any]:
    return {
        "connection-type": kind,
        "hook-class-name": f"{_ROOM}.hooks.lake_hook.{hook}",
        "hook-name": f"{name} (ML store)",
        "ui-field-behaviour": {
            "hidden-fields": ["port", "schema"],
            "relabeling": {
                "host": "Folder or s3://bucket/prefix",
                "login": "Access key id",
                "password": "Secret access key",
            },
            "placeholders": {
                "host": "s3://bucket/prefix",
                "extra": f'{{"ledger_conn_id": "…", {extra}}}',
            },
        },
    }


def _options() -> dict[str, Any]:
    return {
        "description": "Options of the machine-learning provider.",
        "options": {
            "home": {
                "description": (
                    "The folder of the embedded DuckDB store and MLflow registry, which serve "
                    "systems that name no connection. Default: airflow_ml in AIRFLOW_HOME."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "/data/airflow_ml",
                "default": "",
            },
            "profile": {
                "description": (
                    "The profile that is laid over systems which declare any, such as dev or prod. "
                    "Default: none, so that what they say outside of their profiles holds."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "prod",
                "default": "",
            },
            "store": {
                "description": (
                    "The connection of the store for systems that name none. Default: an embedded "
                    "DuckDB file, which serves one machine."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "warehouse",
                "default": "",
            },
            "registry": {
                "description": (
                    "The connection of the model registry for systems that name none. Default: an "
                    "embedded MLflow registry on SQLite, which serves one machine."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "models",
                "default": "",
            },
        },
    }
