"""A rendering is Python that makes the very Dag that the YAML makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from airflow_ml_provider.domain.outline import whole
from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.factory.rendering import drawing, python
from airflow_ml_provider.spec.catalog import catalog

HERE = Path(__file__).parent
ENTRIES = {entry.name: entry for entry in catalog(HERE / "dags").entries}


def serialized(dag: object) -> dict:
    data = json.loads(json.dumps(DagSerialization.to_dict(dag), sort_keys=True))
    for place in ("fileloc", "relative_fileloc", "_processor_dags_folder"):
        data["dag"].pop(place, None)
    return data


@pytest.mark.parametrize("name", ENTRIES)
def test_the_python_makes_the_same_dag(name: str) -> None:
    from airflow_ml_provider.spec import load

    [dag] = build_dags(load(HERE / "dags" / "fleet.yaml"), only=name)
    text = python(dag, ENTRIES[name].pipeline)

    made: dict = {}
    exec(compile(text, f"{name}.py", "exec"), made)  # noqa: S102  the text is ours

    assert serialized(made["dag"]) == serialized(dag)
    for task in made["dag"].tasks:
        original = dag.get_task(task.task_id)
        given = task.partial_kwargs if task.is_mapped else vars(task)
        wanted = original.partial_kwargs if original.is_mapped else vars(original)
        for key in ("view", "model", "prediction", "pipeline", "calendar", "table"):
            assert whole(given.get(key)) == whole(wanted.get(key))


def test_a_drawing_fits_on_a_few_lines() -> None:
    from airflow_ml_provider.spec import load

    [dag] = build_dags(load(HERE / "dags" / "fleet.yaml"), only="fleet.forecast")

    assert drawing(dag) == (
        "fleet.forecast (inference, owner:fleet-team)\n"
        "When its inputs change\n"
        "wait_for_data >> pin_model >> predict[] >> commit >> publish\n"
    )
