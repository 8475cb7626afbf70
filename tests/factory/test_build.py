from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.notifications import PipelineNotifier
from airflow_ml_provider.spec import load

if TYPE_CHECKING:
    from airflow.sdk import DAG

HERE = Path(__file__).parent
FLEET = HERE / "dags" / "fleet.yaml"

SERIALIZE = """
import json, sys
from airflow.serialization.serialized_objects import DagSerialization
from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.spec import load
dags = build_dags(load(sys.argv[1]))
# Airflow takes a Dag's own fields out of a set, and sorts them for its hash: so do we.
print(json.dumps([DagSerialization.to_dict(dag) for dag in dags], sort_keys=True))
"""


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in build_dags(load(FLEET))}


def shape(dag: DAG) -> str:
    """A Dag as people read it: when it runs, what it does, in which order."""
    timetable = dag.timetable
    lines = [
        f"{dag.dag_id} [{', '.join(sorted(dag.tags))}]",
        f"{timetable.description}; at most {dag.max_active_runs} at once",
    ]
    condition = getattr(timetable, "asset_condition", None)
    if condition:
        lines.append(f"assets {json.dumps(condition.as_expression(), sort_keys=True)}")
    for task in dag.topological_sort():
        mapped = "[]" if task.is_mapped else ""
        after = " + ".join(sorted(task.downstream_task_ids))
        outlets = "".join(f" => {asset.uri}" for asset in getattr(task, "outlets", ()))
        lines.append(
            f"{task.task_id}{mapped} {task.task_type}{f' >> {after}' if after else ''}{outlets}"
        )
    return "\n".join([*lines, "", dag.doc_md or ""]) + "\n"


@pytest.mark.parametrize(
    "name", ["trips", "weekly", "demand", "checked", "forecast", "weekly_forecast"]
)
def test_a_pipeline_becomes_the_dag_of_its_golden_file(dags: dict[str, DAG], name: str) -> None:
    path = HERE / "golden" / f"{name}.txt"
    text = shape(dags[f"fleet.{name}"])
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_pipeline_becomes_one_dag(dags: dict[str, DAG]) -> None:
    golden = {f"fleet.{path.stem}" for path in (HERE / "golden").glob("*.txt")}
    assert set(dags) == golden


def test_what_the_system_says_holds_for_every_task(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert (dag.start_date, dag.end_date) == (
            datetime(2024, 1, 1, 5, tzinfo=UTC),
            datetime(2025, 1, 1, 5, tzinfo=UTC),
        )
        assert not dag.catchup
        assert dag.params["partition_key"] is None
        for task in dag.tasks:
            if task.task_type == "ApprovalOperator":
                continue
            found = task.partial_kwargs if task.is_mapped else vars(task)
            assert (found["owner"], found["retries"]) == ("fleet-team", 3)
            assert found["retry_delay"] == timedelta(minutes=2)
            assert found["store_conn_id"] == "warehouse"


def test_a_failed_run_is_told_to_the_channels_of_the_system(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        [notifier] = dag.on_failure_callback  # type: ignore[misc, union-attr]
        assert isinstance(notifier, PipelineNotifier)
        assert (notifier.alert, notifier.owner) == (("slack_ml",), "fleet-team")
        assert notifier.store_conn_id == "warehouse"


def test_only_the_dag_that_is_asked_for_is_built() -> None:
    [dag] = build_dags(load(FLEET), only="fleet.demand")
    assert dag.dag_id == "fleet.demand"
    assert build_dags(load(FLEET), only="another.dag") == []


def test_the_human_in_the_loop_is_imported_only_when_asked_for() -> None:
    code = (
        "import sys\nfrom airflow_ml_provider.factory.build import build_dags\n"
        "from airflow_ml_provider.spec import load\n"
        "build_dags(load(sys.argv[1]), only=sys.argv[2])\n"
        "print('airflow.providers.standard.operators.hitl' in sys.modules)"
    )
    for name, imported in (("fleet.demand", "False"), ("fleet.checked", "True")):
        done = subprocess.run(
            [sys.executable, "-c", code, FLEET, name], capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[-1] == imported


def test_two_processes_write_the_same_dags() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", SERIALIZE, FLEET],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]  # above it stands Airflow's log, with the time of day
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert len(json.loads(texts.pop())) == 6


def test_a_serialized_dag_can_be_read_again_and_holds_no_sql(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        data = DagSerialization.to_dict(dag)
        assert "SELECT" not in json.dumps(data)
        assert DagSerialization.from_dict(data).timetable.partitioned
