"""Files of peers: the Dags of the flights system, as other factories are told of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.dagfiles import systems

_DAGS = {
    "route_delays": ("wait_for_data", "materialize", "publish"),
    "arrival_delay": (
        "check_staleness",
        "build_dataset",
        "train",
        "evaluate",
        "promote",
        "publish",
    ),
    "expected_delays": ("wait_for_data", "pin_model", "predict", "commit", "publish"),
}
_OPERATOR = "airflow.providers.standard.operators.python.PythonOperator"
_BASH = "airflow.providers.standard.operators.bash.BashOperator"
_METADATA = """\
schedule: "0 0 * * *"
start_date: !datetime [2013, 1, 1]
catchup: false
default_args: {owner: ml-platform, retries: 2}
tags: [ml-platform]
latest_only: false
"""


def dag_factory(folder: Path, count: int) -> None:
    """Write a YAML file for each system, and the Dag file that loads the folder."""
    for system in systems(count):
        lines = [line for name in _DAGS for line in _dag_factory(system, name)]
        (folder / f"{system}.yml").write_text("\n".join(lines))
    (folder / "config").mkdir()
    _loader(
        folder,
        "from dagfactory import load_yaml_dags\n\n"
        f"load_yaml_dags(globals(), dags_folder={str(folder)!r}, "
        f"defaults_config_path={str(folder / 'config')!r})\n",
    )


def _dag_factory(system: str, name: str) -> Iterator[str]:
    yield f"{system}.{name}:"
    yield "  default_args: {owner: ml-platform, retries: 2, retry_delay_sec: 60}"
    yield '  schedule: "0 0 * * *"'
    yield "  start_date: 2013-01-01"
    yield "  end_date: 2014-01-01"
    yield "  catchup: false"
    yield "  tags: [ml-platform]"
    yield "  tasks:"
    for task, before in _chained(name):
        yield f"    {task}:"
        yield f"      operator: {_OPERATOR}"
        yield "      python_callable: builtins.dict"
        if before:
            yield f"      dependencies: [{before}]"


def blueprint(folder: Path, count: int) -> None:
    """Write a YAML file for each Dag, a blueprint, and the Dag file that builds all."""
    (folder / "steps.py").write_text(_BLUEPRINT)
    for system in systems(count):
        for name in _DAGS:
            lines = [
                f"dag_id: {system}.{name}",
                'schedule: "0 0 * * *"',
                "steps:",
            ]
            for task, before in _chained(name):
                lines += [f"  {task}:", "    blueprint: step", f"    verb: {task}"]
                lines += [f"    depends_on: [{before}]"] if before else []
            (folder / f"{system}_{name}.dag.yaml").write_text("\n".join(lines))
    _loader(
        folder,
        "from blueprint import build_all_airflow_dags\n\n"
        f"build_all_airflow_dags(search_path={str(folder)!r}, register_globals=globals())\n",
    )


_BLUEPRINT = """\
from airflow.providers.standard.operators.python import PythonOperator
from blueprint import Blueprint
from pydantic import BaseModel


class StepConfig(BaseModel):
    verb: str


class Step(Blueprint[StepConfig]):
    def render(self, config):
        return PythonOperator(task_id=self.step_id, python_callable=dict)
"""


def gusty(folder: Path, count: int) -> None:
    """Write a folder for each Dag and a file for each task, and the Dag file that loads all."""
    root = folder / "gusty"
    for system in systems(count):
        for name in _DAGS:
            here = root / f"{system}.{name}"
            here.mkdir(parents=True)
            (here / "METADATA.yml").write_text(_METADATA)
            for task, before in _chained(name):
                text = f"operator: {_BASH}\nbash_command: 'true'\n"
                text += f"dependencies: [{before}]\n" if before else ""
                (here / f"{task}.yml").write_text(text)
    _loader(
        folder,
        "from airflow.sdk import DAG\nfrom gusty import create_dags\n\n"
        f"create_dags({str(root)!r}, globals())\n",
    )


def _chained(name: str) -> Iterator[tuple[str, str]]:
    """Yield each task of a Dag with the one before it."""
    yield from zip(_DAGS[name], ("", *_DAGS[name]), strict=False)


def _loader(folder: Path, body: str) -> None:
    (folder / "every_system.py").write_text(f'"""Airflow Dags."""\n\n{body}')
