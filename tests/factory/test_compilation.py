"""Stubs: a Dag file a pipeline, which Airflow loads, and which no edit of the YAML makes outdated."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.file import might_contain_dag

from airflow_ml_provider.domain.outline import whole
from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.factory.compilation import Compilation, Stub, compiled, stubs, yaml_of
from airflow_ml_provider.spec import load

DAGS = Path(__file__).parent / "dags"
NAMES = ("trips", "weekly", "demand", "checked", "forecast", "weekly_forecast")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DAGS, tmp_path / "dags"))


def written(folder: Path, into: Path | None = None) -> list[Stub]:
    """Write the stubs of the fleet, and return them."""
    made = list(stubs([load(folder / "fleet.yaml")], into))
    for stub in made:
        stub.path.parent.mkdir(exist_ok=True)
        stub.path.write_text(stub.text)
    return made


def bag(folder: Path) -> BundleDagBag:
    return BundleDagBag(
        dag_folder=str(folder), bundle_path=folder, bundle_name="b", load_op_links=False
    )


def serialized(dags: Sequence[object]) -> dict[str, dict]:
    found = {}
    for dag in dags:
        data = json.loads(json.dumps(DagSerialization.to_dict(dag), sort_keys=True))["dag"]
        for place in ("fileloc", "relative_fileloc", "_processor_dags_folder"):
            data.pop(place, None)
        found[data["dag_id"]] = data
    return found


@pytest.mark.parametrize("into", [None, "stubs"], ids=["beside", "elsewhere"])
def test_airflow_makes_the_very_dags_of_the_yaml(folder: Path, into: str | None) -> None:
    made = written(folder, folder / into if into else None)
    assert all(might_contain_dag(str(stub.path), safe_mode=True) for stub in made)

    found = bag(folder)

    assert found.import_errors == {}
    own = build_dags(load(folder / "fleet.yaml"))
    assert serialized(list(found.dags.values())) == serialized(own)


@pytest.mark.parametrize("file", ["fleet.yaml", "trips.sql", "../defaults.yaml"])
def test_an_edit_takes_effect_before_anything_is_compiled_again(folder: Path, file: str) -> None:
    before = written(folder)
    path = folder / file
    if file == "fleet.yaml":
        path.write_text(path.read_text().replace("retries: 3", "retries: 7"))
    elif file == "trips.sql":
        path.write_text(f"{path.read_text()}-- changed\n")
    else:
        path.write_text("defaults: {features: {checks: {rows: {min: 5}}}}\n")

    assert list(stubs([load(folder / "fleet.yaml")])) == before

    view = whole(bag(folder).dags["fleet.trips"].get_task("materialize").view)

    dag = bag(folder).dags["fleet.trips"]
    changed = (
        dag.default_args["retries"] == 7,
        "-- changed" in view.sql,
        view.expectations.rows_min,
    )
    assert (
        changed
        == {
            "fleet.yaml": (True, False, None),
            "trips.sql": (False, True, None),
            "../defaults.yaml": (False, False, 5),
        }[file]
    )


def test_a_faulty_edit_is_an_import_error_of_each_of_its_dags_and_of_no_other(
    folder: Path,
) -> None:
    shutil.copytree(folder, folder / "other")
    text = (folder / "other" / "fleet.yaml").read_text()
    (folder / "other" / "fleet.yaml").write_text(text.replace("system: fleet", "system: other"))
    written(folder)
    for stub in stubs([load(folder / "other" / "fleet.yaml")]):
        stub.path.write_text(stub.text)
    (folder / "fleet.yaml").write_text("system: fleet\nownr: me\n")

    found = bag(folder)

    assert set(found.import_errors) == {f"fleet__{name}.py" for name in NAMES}
    assert "fleet.yaml:2:1: unknown key 'ownr'" in found.import_errors["fleet__trips.py"]
    assert set(found.dags) == {f"other.{name}" for name in NAMES}


def test_a_pipeline_that_was_removed_is_told_by_its_stub(folder: Path) -> None:
    written(folder)
    text = (folder / "fleet.yaml").read_text()
    (folder / "fleet.yaml").write_text(text[: text.index("  weekly_forecast:")])

    found = bag(folder)

    assert set(found.import_errors) == {"fleet__weekly_forecast.py"}
    assert "run 'airflow-ml compile'" in found.import_errors["fleet__weekly_forecast.py"]


def test_the_environment_is_asked_each_time(folder: Path, monkeypatch) -> None:
    text = (folder / "fleet.yaml").read_text()
    (folder / "fleet.yaml").write_text(text.replace("store: warehouse", "store: ${env:STAGE}_wh"))
    monkeypatch.setenv("STAGE", "dev")
    written(folder)
    monkeypatch.setenv("STAGE", "prod")

    task = bag(folder).dags["fleet.trips"].get_task("materialize")

    assert task.store_conn_id == "prod_wh"


def test_two_compilations_write_the_same(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from airflow_ml_provider.factory.compilation import stubs;"
        "from airflow_ml_provider.spec import load;"
        "print(hash('x'), [s.text for s in stubs([load(Path(sys.argv[1]))])])"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, str(folder / "fleet.yaml")],
            env={"PYTHONHASHSEED": seed, "HOME": str(folder), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.partition(" ")[2]
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_only_what_is_ours_and_unwanted_is_deleted(tmp_path: Path) -> None:
    yaml, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    yaml.touch()
    other.touch()
    head = '"""The Dag {}, written by airflow-ml compile from {}.\n"""\n'
    wanted = Stub(tmp_path / "a__new.py", head.format("a.new", "a.yaml"), yaml)
    there = {
        tmp_path / "a__old.py": head.format("a.old", "a.yaml"),
        tmp_path / "b__kept.py": head.format("b.kept", "b.yaml"),
        tmp_path / "c__gone.py": head.format("c.gone", "c.yaml"),
        tmp_path / "by_hand.py": "# a Dag\n",
    }

    assert compiled([wanted], there, [yaml]) == Compilation(
        added=(wanted,), stale=(tmp_path / "a__old.py", tmp_path / "c__gone.py")
    )
    assert yaml_of(tmp_path / "by_hand.py", "# a Dag\n") is None


def test_files_of_others_are_left_alone_and_told(tmp_path: Path) -> None:
    yaml = tmp_path / "a.yaml"
    wanted = Stub(tmp_path / "a__new.py", "text", yaml)
    loader = 'load_pipelines(globals(), "a.yaml")\n'
    there = {wanted.path: "# by hand\n", tmp_path / "loader.py": loader}

    found = compiled([wanted], there, [yaml])

    assert found == Compilation(taken=(wanted.path,), loaders=(tmp_path / "loader.py",))
    assert not found.up_to_date
