"""What Airflow does to the Dags of a file with an import error, in its own database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[1] / "factory" / "dags"
LOADER = """\
# airflow dag
from airflow_ml_provider import load_pipelines
load_pipelines(globals(), "fleet.yaml", "second.yaml")
"""
# An error of one Dag alone, beside which Airflow finds a good one.
RAISING = """\
from airflow.sdk import DAG

class Bad(DAG):
    def validate(self):
        raise ValueError("bad")

good, bad = DAG("good", schedule=None), Bad("bad", schedule=None)
"""
SYNC = """
import json, sys
from pathlib import Path
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy import select

folder = Path(sys.argv[1])
DagBundlesManager().sync_bundles_to_db()
for name in ("loader.py", "raising.py"):
    bag = BundleDagBag(
        dag_folder=str(folder / name), bundle_path=folder, bundle_name="dags-folder",
        load_op_links=False,
    )
    sync_bag_to_db(bag, "dags-folder", None)
with create_session() as session:
    print(json.dumps({dag.dag_id: dag.is_stale for dag in session.scalars(select(DagModel))}))
"""


@pytest.mark.airflow
@pytest.mark.faults
def test_an_import_error_takes_every_dag_of_its_file_and_our_invalid_dag_takes_none(
    tmp_path: Path,
) -> None:
    # When a good Dag beside an error stays, a faulty file among several may be an import error.
    folder = Path(shutil.copytree(DAGS, tmp_path / "dags"))
    (folder / "second.yaml").write_text("system: second\nownr: me\n")
    (folder / "loader.py").write_text(LOADER)
    (folder / "raising.py").write_text(RAISING)
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-m", "airflow", "db", "migrate")
    stale = json.loads(run("-c", SYNC, str(folder)).splitlines()[-1])

    assert stale.pop("good") is True
    assert len(stale) == 7
    assert "airflow_ml.invalid.second" in stale
    assert set(stale.values()) == {False}
