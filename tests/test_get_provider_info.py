from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_ml_provider.get_provider_info import get_provider_info

INFO = get_provider_info()


def attribute(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def modules() -> Iterator[str]:
    for kind in ("operators", "sensors", "triggers", "hooks"):
        for entry in INFO[kind]:
            yield from entry["python-modules"]


def paths() -> list[str]:
    return [
        *INFO["notifications"],
        *INFO["cli"],
        *(entry["handler"] for entry in INFO["asset-uris"]),
        *(entry["hook-class-name"] for entry in INFO["connection-types"]),
        *(entry["plugin-class"] for entry in INFO["plugins"]),
    ]


def test_it_is_valid_against_airflows_own_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(INFO, schema)


def test_it_is_found_by_its_entry_point_under_the_name_of_the_distribution() -> None:
    [point] = entry_points(
        group="apache_airflow_provider", module="airflow_ml_provider.get_provider_info"
    )
    assert point.load()() == INFO
    assert distribution(INFO["package-name"]).metadata["Name"] == INFO["package-name"]


@pytest.mark.parametrize("path", paths())
def test_every_path_leads_somewhere(path: str) -> None:
    assert callable(attribute(path))


@pytest.mark.parametrize("module", list(modules()))
def test_every_module_is_importable_and_public(module: str) -> None:
    assert any(
        isinstance(value, type) and value.__module__ == module
        for value in vars(import_module(module)).values()
    )


def test_no_room_of_operators_is_forgotten() -> None:
    listed = {module.rpartition(".")[2] for module in modules() if ".operators." in module}
    folder = Path(import_module("airflow_ml_provider.operators").__path__[0])
    bases = {"__init__", "base"}
    assert listed == {path.stem for path in folder.glob("*.py")} - bases


def test_reading_it_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from airflow_ml_provider.get_provider_info import get_provider_info; get_provider_info()\n"
        "print(*sorted(set(sys.modules) - before - {'typing'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if not name.startswith("airflow_ml_provider")}
    assert not loaded & {"airflow", "pydantic", "sqlalchemy", "pyarrow", "duckdb"}


def test_airflow_knows_the_options() -> None:
    from airflow.providers_manager import ProvidersManager

    configs = [config for _, config in ProvidersManager().provider_configs]
    [ours] = [config["airflow_ml"] for config in configs if "airflow_ml" in config]
    assert "home" in ours["options"]


def test_airflow_knows_the_connection_type() -> None:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    hook = ProvidersManagerTaskRuntime().hooks["mlflow"]
    assert hook is not None
    assert hook.hook_class_name.endswith("MLflowRegistryHook")
