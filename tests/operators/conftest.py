"""Operators at work on the small city, with a context made by hand and the embedded stores."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.steps.conftest import City, city

os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")

__all__ = ["City", "city"]


@dataclass
class Instance:
    """What operators ask of a task instance."""

    task_id: str
    dag_id: str = "city"
    run_id: str = "manual__1"
    map_index: int = -1
    try_number: int = 1
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.xcoms.get((task_ids, key))


class Airflow:
    """Just enough of a run: it executes operators one after the other, as a worker would."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.xcoms: dict[tuple[str, str], Any] = {}

    def context(self, operator: Any, key: str | None, **changes: Any) -> dict[str, Any]:
        from airflow.sdk.execution_time.context import OutletEventAccessors

        instance = Instance(operator.task_id, xcoms=self.xcoms)
        for name in ("map_index", "try_number", "run_id"):
            if name in changes:
                setattr(instance, name, changes.pop(name))
        run = SimpleNamespace(partition_key=key, conf=None, clear_number=0)
        return {
            "ti": instance,
            "dag_run": run,
            "run_id": instance.run_id,
            "params": {},
            "task": operator,
            "outlet_events": OutletEventAccessors(),
            **changes,
        }

    def run(self, operator: Any, key: str | None, **changes: Any) -> Any:
        self.city.store.release()
        context = self.context(operator, key, **changes)
        result = operator.execute(context)
        self.xcoms[operator.task_id, "return_value"] = result
        return result


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from airflow_ml_provider.stores.mlflow.registry import MLflowRegistry

    path = tmp_path_factory.mktemp("registry") / "registry.db"
    assert MLflowRegistry(f"sqlite:///{path}").find("nobody", "nothing") is None
    return path


@pytest.fixture
def airflow(city: City, empty_registry: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(city.folder))
    shutil.copy(empty_registry, city.folder / "registry.db")
    return Airflow(city)
