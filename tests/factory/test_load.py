from __future__ import annotations

import re
import shutil
from collections.abc import Callable
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
from airflow_ml_provider.factory import load
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


@pytest.fixture
def started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, tuple[str, ...]], list[str]]:
    """What a call makes where Airflow runs a task of one Dag."""

    def start(dag_id: str, paths: tuple[str, ...]) -> list[str]:
        with monkeypatch.context() as patch:
            context = AirflowParsingContext(dag_id=dag_id, task_id="materialize")
            patch.setattr("airflow.sdk.get_parsing_context", lambda: context)
            return loaded(folder, *paths)

    return start


def systems(folder: Path, count: int) -> tuple[str, ...]:
    text = (folder / "fleet.yaml").read_text()
    for number in range(count):
        (folder / f"{number}.yaml").write_text(text.replace("system: fleet", f"system: s{number}"))
    return tuple(f"{number}.yaml" for number in range(count))


def test_where_one_task_runs_only_its_dag_is_built(started) -> None:
    assert started("fleet.trips", ("fleet.yaml",)) == ["fleet.trips"]


def test_of_many_files_only_the_one_with_the_dag_is_looked_at(
    folder: Path, started, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = systems(folder, 5)
    loaded(folder, *paths)
    looked: list[str] = []
    real = load.recipes_of
    monkeypatch.setattr(
        load, "recipes_of", lambda path, **more: looked.append(path.name) or real(path, **more)
    )

    assert started("s3.trips", paths) == ["s3.trips"]

    assert looked == ["3.yaml"]


def test_a_dag_that_no_parse_has_seen_yet_is_found(folder: Path, started) -> None:
    assert started("s3.trips", systems(folder, 5)) == ["s3.trips"]


def test_a_dag_that_moved_to_another_file_is_found(folder: Path, started) -> None:
    paths = systems(folder, 3)
    loaded(folder, *paths)
    one, two = folder / "1.yaml", folder / "2.yaml"
    first, second = one.read_text(), two.read_text()
    one.write_text(second)
    two.write_text(first)

    assert started("s1.trips", paths) == ["s1.trips"]
    assert "made by" not in str(loaded(folder, *paths))
    assert started("s1.trips", paths) == ["s1.trips"]


def test_a_dag_whose_file_became_faulty_is_told_with_its_faults(folder: Path, started) -> None:
    paths = systems(folder, 3)
    loaded(folder, *paths)
    (folder / "1.yaml").write_text("system: s1\nownr: me\n")

    assert started("s1.trips", paths) == ["airflow_ml.invalid.1"]
    assert started("s2.trips", paths) == ["s2.trips"]


def test_a_dag_that_belongs_to_somebody_else_is_left_alone(folder: Path, started) -> None:
    paths = systems(folder, 3)
    loaded(folder, *paths)

    for dag_id in ("by_hand", "s1.trip", "1.trips", ".*", "s1.trips\t0\ns9.trips"):
        assert started(dag_id, paths) == []


def test_where_nothing_can_be_kept_all_is_made_again(
    folder: Path, started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(folder / "fleet.yaml" / "no_folder"))
    paths = systems(folder, 3)

    assert len(loaded(folder, *paths)) == len(loaded(folder, *paths)) == 18
    assert started("s1.trips", paths) == ["s1.trips"]


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
