"""The Dags of a system made in Python are those of the YAML, down to the last byte but its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.sdk.definitions.dag import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_ml_provider import load_pipelines
from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.spec import World, load
from airflow_ml_provider.spec.system import System

DAGS = Path(__file__).parent / "dags"


def serialized(dag: DAG) -> str:
    text = json.dumps(DagSerialization.to_dict(dag), sort_keys=True)
    return text.replace("fleet.yaml", "<file>").replace("fleet.py", "<file>")


def test_they_serialize_as_those_of_the_yaml() -> None:
    written = load(DAGS / "fleet.yaml")
    made = System.model_validate(written.system.model_dump(by_alias=True, mode="json"))
    namespace: dict[str, Any] = {"__file__": str(DAGS / "fleet.py")}

    load_pipelines(namespace, made)

    dags = {dag.dag_id: dag for dag in build_dags(written)}
    found = {key: value for key, value in namespace.items() if isinstance(value, DAG)}
    assert len(found) == 6
    assert {key: serialized(dag) for key, dag in found.items()} == {
        key: serialized(dag) for key, dag in dags.items()
    }


def test_a_model_of_one_system_is_scheduled_by_the_features_of_another(tmp_path: Path) -> None:
    (tmp_path / "trips.sql").write_text("SELECT 1")
    (tmp_path / "fleet.yaml").write_text((DAGS / "fleet.yaml").read_text())
    (tmp_path / "prices.yaml").write_text(
        "system: prices\nowner: o\nstart: 2024-01-01\nstore: warehouse\nregistry: models\n"
        "timezone: America/New_York\nsources: {rides: {table: raw.rides, time: started_at}}\n"
        "training:\n  fare: {features: [fleet.trips], label: {from: rides, column: fare}, "
        "window: 14d, train: 'm:f'}\n"
        "inference: {quote: {features: [fleet.trips], model: fare, predict: 'm:f'}}\n"
    )

    dags = {dag.dag_id: dag for dag in build_dags(load(tmp_path / "prices.yaml"))}

    [trips] = build_dags(load(tmp_path / "fleet.yaml"), only="fleet.trips")
    [made] = trips.get_task("publish").outlets
    for name in ("prices.fare", "prices.quote"):
        timetable: Any = dags[name].timetable
        assert [(each.name, each.uri) for each in timetable.calendars] == [(made.name, made.uri)]
    assert made.uri == "ml://fleet/features/trips"


def test_a_variable_and_a_profile_come_from_airflow(tmp_path: Path, monkeypatch) -> None:
    text = (DAGS / "fleet.yaml").read_text().replace("owner: fleet-team", "owner: ${var:team}")
    (tmp_path / "trips.sql").write_text("SELECT 1")
    (tmp_path / "fleet.yaml").write_text(
        f"{text}profiles: {{dev: {{store: scratch}}, prod: {{}}}}\n"
    )
    monkeypatch.setenv("AIRFLOW_VAR_TEAM", "drivers")
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__PROFILE", "dev")
    namespace: dict[str, Any] = {"__file__": str(tmp_path / "loader.py")}

    load_pipelines(namespace, "fleet.yaml")

    dag = namespace["fleet.trips"]
    assert dag.default_args["owner"] == "drivers"
    assert dag.get_task("materialize").store_conn_id == "scratch"


def test_dags_of_a_matrix_are_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("SELECT 1")
    (tmp_path / "shop.yaml").write_text(
        "system: shop\nowner: o\nstart: 2024-01-01\nfeatures:\n  spend: {matrix: {region: [eu, us]}, "
        "every: day, entity: [c], from: [], sql: one.sql, params: {r: '${matrix:region}'}}\n"
    )

    first, again = (build_dags(load(tmp_path / "shop.yaml", World())) for _ in range(2))

    assert [dag.dag_id for dag in first] == ["shop.spend_eu", "shop.spend_us"]
    assert [serialized(dag) for dag in first] == [serialized(dag) for dag in again]
