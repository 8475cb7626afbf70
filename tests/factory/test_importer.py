"""The importer: YAML files as Dag files, through Airflow's own registry and its own bag."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.dag_processing.importers import DagImporterRegistry, get_importer_registry
from airflow.sdk.definitions.context import AirflowParsingContext

from airflow_ml_provider.factory.importer import MLDagImporter

DAGS = Path(__file__).parent / "dags"
FAULTY = "system: second\nownr: me\nstart: 2026-01-01\nfeatures: {a: {evry: day}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DAGS, tmp_path / "dags"))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    get_importer_registry().register(MLDagImporter())
    yield
    DagImporterRegistry.reset()


def bag(folder: Path, what: str = "") -> BundleDagBag:
    return BundleDagBag(
        dag_folder=str(folder / what), bundle_path=folder, bundle_name="b", load_op_links=False
    )


def test_a_bag_makes_dags_of_yaml_without_any_python(folder: Path) -> None:
    found = bag(folder)
    assert found.import_errors == {}
    assert len(found.dags) == 6
    assert found.dags["fleet.trips"].relative_fileloc == "fleet.yaml"


def test_where_one_task_runs_only_its_dag_is_built(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = AirflowParsingContext(dag_id="fleet.trips", task_id="materialize")
    name = "airflow_ml_provider.factory.importer.get_parsing_context"
    monkeypatch.setattr(name, lambda: context)
    assert list(bag(folder, "fleet.yaml").dags) == ["fleet.trips"]


def test_every_fault_is_an_error_with_its_line_and_column(folder: Path) -> None:
    (folder / "second.yaml").write_text(FAULTY)
    result = MLDagImporter().import_file(folder / "second.yaml", bundle_path=folder)
    assert not result.success
    assert {(each.line_number, each.column_number) for each in result.errors} == {
        (1, 1),
        (2, 1),
        (4, 12),
        (4, 16),
    }
    unknown = next(each for each in result.errors if each.line_number == 2)
    assert unknown.context == "ownr: me"
    assert "Did you mean 'owner'?" in str(unknown.suggestion)


def test_the_one_message_that_a_bag_keeps_tells_all_faults_and_hides_no_other_file(
    folder: Path,
) -> None:
    (folder / "second.yaml").write_text(FAULTY)
    found = bag(folder)
    assert list(found.import_errors) == ["second.yaml"]
    told = found.import_errors["second.yaml"]
    assert "second.yaml:2:1: unknown key 'ownr'" in told
    assert "second.yaml:4:16: features.a: unknown key 'evry'" in told
    assert "fleet.trips" in found.dags


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own
def test_yaml_of_others_and_what_airflow_ignores_are_passed_over(folder: Path) -> None:
    (folder / "compose.yaml").write_text("services: {db: {image: postgres}}\n")
    (folder / "old.yaml").write_text(FAULTY)
    (folder / ".airflowignore").write_text("old.yaml\n")
    assert bag(folder).import_errors == {}
    assert MLDagImporter().import_file(folder / "compose.yaml").skipped_files


def test_the_dag_processor_of_this_airflow_does_not_look_for_yaml(folder: Path) -> None:
    # When this fails, discovery asks the registry, and the importer may be registered by default.
    from airflow.utils.file import list_py_file_paths

    (folder / "loader.py").write_text("# airflow dag\n")
    assert list_py_file_paths(folder) == [str(folder / "loader.py")]
