from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions.context import AirflowParsingContext
from airflow.sdk.definitions.dag import DAG

import airflow_ml_provider
from airflow_ml_provider import load_pipelines
from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.spec import SpecError

DAGS = Path(__file__).parent / "dags"
LOADER = '"""The Dags of the fleet."""\nfrom airflow_ml_provider import load_pipelines\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DAGS, tmp_path / "dags"))


def loaded(folder: Path, *paths: str) -> list[str]:
    namespace: dict[str, Any] = {"__file__": str(folder / "loader.py")}
    load_pipelines(namespace, *paths)
    return sorted(value.dag_id for value in namespace.values() if isinstance(value, DAG))


def second(folder: Path, text: str) -> None:
    (folder / "second.yaml").write_text(text)


def test_paths_are_relative_to_the_calling_file(folder: Path) -> None:
    assert "fleet.trips" in loaded(folder, "fleet.yaml")


def test_another_base_may_be_given(folder: Path) -> None:
    namespace: dict[str, Any] = {}
    load_pipelines(namespace, "fleet.yaml", base=folder)
    assert "fleet.trips" in namespace


def test_airflow_finds_the_dags_of_two_lines(folder: Path) -> None:
    (folder / "loader.py").write_text(f'{LOADER}load_pipelines(globals(), "fleet.yaml")\n')
    bag = DagBag(dag_folder=str(folder), load_op_links=False)
    assert bag.import_errors == {}
    assert len(bag.dags) == 6


def test_where_one_task_runs_only_its_dag_is_built(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = AirflowParsingContext(dag_id="fleet.trips", task_id="materialize")
    monkeypatch.setattr("airflow.sdk.get_parsing_context", lambda: context)
    assert loaded(folder, "fleet.yaml") == ["fleet.trips"]


def test_a_faulty_file_is_an_import_error_with_every_fault(folder: Path) -> None:
    second(folder, "system: second\nownr: me\nstart: yesterday\n")
    with pytest.raises(SpecError) as caught:
        loaded(folder, "second.yaml")
    assert "second.yaml:2" in str(caught.value)
    assert "second.yaml:3" in str(caught.value)


def test_one_faulty_file_among_several_leaves_the_others_up(folder: Path) -> None:
    second(folder, "system: second\nownr: me\n")
    found = loaded(folder, "second.yaml", "fleet.yaml")
    assert "fleet.trips" in found
    assert "airflow_ml.invalid.second" in found


def test_two_systems_of_one_name_are_refused(folder: Path) -> None:
    shutil.copy(folder / "fleet.yaml", folder / "second.yaml")
    with pytest.raises(ConfigurationError, match=r"fleet\.trips.*fleet\.yaml.*second\.yaml"):
        loaded(folder, "fleet.yaml", "second.yaml")


def test_no_file_at_all_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="was given no file"):
        loaded(folder)


def test_the_face_of_the_package_knows_its_names() -> None:
    assert airflow_ml_provider.load_pipelines is load_pipelines
    with pytest.raises(AttributeError, match="load_pipeline"):
        airflow_ml_provider.load_pipeline  # noqa: B018
