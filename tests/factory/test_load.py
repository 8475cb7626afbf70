from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions.context import AirflowParsingContext
from airflow.sdk.definitions.dag import DAG
from airflow.serialization.serialized_objects import DagSerialization

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


def test_faulty_files_of_one_name_in_two_folders_each_have_their_dag(folder: Path) -> None:
    for name in ("north", "south"):
        (folder / name).mkdir()
        (folder / name / "shop.yaml").write_text("system: shop\nownr: me\n")
    found = loaded(folder, "north/shop.yaml", "south/shop.yaml", "fleet.yaml")
    assert {"airflow_ml.invalid.north.shop", "airflow_ml.invalid.south.shop"} < set(found)
    assert "fleet.trips" in found


def test_of_two_systems_with_one_name_the_first_stays_and_the_second_is_told(folder: Path) -> None:
    shutil.copy(folder / "fleet.yaml", folder / "second.yaml")
    (folder / "loader.py").write_text(
        f'{LOADER}load_pipelines(globals(), "fleet.yaml", "second.yaml")\n'
    )
    bag = DagBag(dag_folder=str(folder / "loader.py"), load_op_links=False)
    assert bag.import_errors == {}
    assert len(bag.dags) == 7
    told = bag.dags["airflow_ml.invalid.second"].doc_md
    assert told is not None
    assert re.search(r"second\.yaml:1:1: the Dag fleet\.trips is made by .*fleet\.yaml", told)


def test_what_is_wrong_with_a_file_among_several_is_read_on_its_dag(folder: Path) -> None:
    second(folder, "system: second\nownr: me\n")
    (folder / "loader.py").write_text(
        f'{LOADER}load_pipelines(globals(), "fleet.yaml", "second.yaml")\n'
    )
    bag = DagBag(dag_folder=str(folder / "loader.py"), load_op_links=False)
    invalid = bag.dags["airflow_ml.invalid.second"]
    assert invalid.description == "the key 'owner' is missing"
    assert "second.yaml:2:1: unknown key 'ownr'" in str(invalid.doc_md)
    DagSerialization.to_dict(invalid)


def test_one_pipeline_of_a_file_may_be_asked_for(folder: Path) -> None:
    namespace: dict[str, Any] = {"__file__": str(folder / "loader.py")}
    load_pipelines(namespace, "fleet.yaml", only="fleet.trips")
    assert [key for key in namespace if key.startswith("fleet")] == ["fleet.trips"]


def test_a_pipeline_that_a_file_no_longer_has_is_an_error_that_names_the_cure(
    folder: Path,
) -> None:
    with pytest.raises(
        ConfigurationError, match=r"fleet\.yaml makes no Dag 'fleet\.gone'.*compile"
    ):
        load_pipelines({"__file__": str(folder / "x.py")}, "fleet.yaml", only="fleet.gone")


def test_no_file_at_all_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="was given no file"):
        loaded(folder)


def test_the_face_of_the_package_knows_its_names() -> None:
    assert airflow_ml_provider.load_pipelines is load_pipelines
    with pytest.raises(AttributeError, match="load_pipeline"):
        airflow_ml_provider.load_pipeline  # noqa: B018
