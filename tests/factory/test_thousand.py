"""A thousand pipelines that nobody wrote: all of them are made, each the same every time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.definitions.context import AirflowParsingContext
from airflow.sdk.definitions.dag import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_ml_provider import load_pipelines
from airflow_ml_provider.factory.compilation import stubs
from airflow_ml_provider.spec import load
from airflow_ml_provider.spec.yaml12 import write_yaml

SYSTEMS = 200
NAMES = ("basket", "spend_eu", "spend_us", "churn", "score")
# The length of a partition, and how much a training reads.
SPANS = {"hour": "48h", "day": "28d", "week": "8w"}


def system(number: int) -> dict[str, Any]:
    """Return a system of five pipelines, of which two come from a matrix."""
    chance = random.Random(number)  # noqa: S311  no secret
    every = chance.choice(sorted(SPANS))
    ready = [{"watermark": "end"}, {"rows": 10, "watermark": "end", "lateness": "6h"}, {}]
    code = [{"sql": "orders.sql"}, {"python": "shop.features:spend", "params": {"k": number}}]
    checks = [{}, {"unique": ["customer"]}, {"rows": {"min": 1}, "between": {"n": [0, None]}}]
    causes = [["code"], [{"age": "30d"}, "config"], [{"new_rows": "20%"}, "restated"]]

    def feature(**more: object) -> dict[str, Any]:
        common = {"every": every, "entity": ["customer"], "from": ["orders"]}
        return {**common, "checks": chance.choice(checks), **chance.choice(code), **more}

    return {
        "system": f"shop_{number}",
        "owner": chance.choice(["growth", "ml-platform"]),
        "timezone": chance.choice(["UTC", "America/New_York", "Asia/Kolkata"]),
        "start": "2026-01-01",
        "retries": chance.randrange(4),
        "sources": {
            "orders": {"table": "raw.orders", "time": "at", "ready": chance.choice(ready)}
        },
        "features": {
            "basket": feature(),
            "spend": feature(matrix={"region": ["eu", "us"]}),
        },
        "training": {
            "churn": {
                "features": chance.choice([["basket"], ["basket", "spend_eu"]]),
                "label": {"from": "orders", "column": "gone"},
                "window": SPANS[every],
                "train": "shop.training:fit",
                "retrain": {"any": chance.choice(causes)},
                "approve": chance.random() < 0.2,
            }
        },
        "inference": {
            "score": {
                "features": ["basket", "spend_eu"],
                "model": "churn@champion",
                "predict": "shop.inference:predict",
            }
        },
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("thousand")
    (place / "orders.sql").write_text(
        "SELECT customer, at, count(*) AS n FROM raw.orders\n"
        "WHERE at >= :window_start AND at < :window_end GROUP BY customer, at\n"
    )
    for number in range(SYSTEMS):
        (place / f"shop_{number}.yaml").write_text(write_yaml(system(number)))
    return place


def made(folder: Path) -> dict[str, DAG]:
    namespace: dict[str, Any] = {"__file__": str(folder / "loader.py")}
    load_pipelines(namespace, *(f"shop_{number}.yaml" for number in range(SYSTEMS)))
    return {value.dag_id: value for value in namespace.values() if isinstance(value, DAG)}


def serialized(dag: DAG) -> bytes:
    return json.dumps(DagSerialization.to_dict(dag)).encode()


def test_a_thousand_pipelines_become_a_thousand_dags_and_the_same_ones_again(folder: Path):
    first, second = made(folder), made(folder)

    assert set(first) == {f"shop_{n}.{name}" for n in range(SYSTEMS) for name in NAMES}
    assert len(first) == 1_000
    assert [
        dag_id for dag_id, dag in first.items() if serialized(dag) != serialized(second[dag_id])
    ] == []


def test_a_thousand_pipelines_have_a_thousand_stubs(folder: Path):
    found = list(stubs([load(folder / f"shop_{n}.yaml") for n in range(SYSTEMS)], None))

    assert len({stub.path for stub in found}) == 1_000
    for stub in found:
        compile(stub.text, stub.path, "exec")


def test_of_a_thousand_a_task_makes_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch):
    context = AirflowParsingContext(dag_id="shop_117.score", task_id="predict")
    monkeypatch.setattr("airflow.sdk.get_parsing_context", lambda: context)

    assert set(made(folder)) == {"shop_117.score"}
