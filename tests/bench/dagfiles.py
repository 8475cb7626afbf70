"""Dag files to compare: copies of the flights system, and the same Dags written by hand."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from textwrap import indent

from tests.bench.measure import in_child

SHIPPED = Path(__file__).parents[2] / "dags"


def systems(count: int) -> list[str]:
    """Return the names of ``count`` copies."""
    return [f"flights_{number:03}" for number in range(count)]


def stub_each(folder: Path, count: int) -> None:
    """Write our Dags: a YAML file and a Dag file of two lines for each system."""
    for system in systems(count):
        _copy(folder, system)
        (folder / f"{system}.py").write_text(_STUB.format(names=[system]))


def stub_for_all(folder: Path, count: int) -> None:
    """Write our Dags: a YAML file for each system, and one Dag file that loads them all."""
    for system in systems(count):
        _copy(folder, system)
    (folder / "every_system.py").write_text(_STUB.format(names=systems(count)))


def compiled(folder: Path, count: int) -> None:
    """Write our Dags: a YAML file for each system, and the stubs of ``airflow-ml compile``."""
    for system in systems(count):
        _copy(folder, system)
    in_child(partial(_compile, folder))  # the parent of what is measured must not know us


def loop(folder: Path, count: int) -> None:
    """Write the same Dags by hand: one file that makes them in a loop."""
    body = indent("".join(_DAGS.values()), "    ")
    text = f"{_HEAD}\nfor SYSTEM in {systems(count)!r}:\n{body}"
    (folder / "every_system.py").write_text(text)


def file_each(folder: Path, count: int) -> None:
    """Write the same Dags by hand: a file for each Dag."""
    for system in systems(count):
        for name, body in _DAGS.items():
            text = f"{_HEAD}\nSYSTEM = {system!r}\n{body}"
            (folder / f"{system}_{name}.py").write_text(text)


def _compile(folder: Path) -> None:
    from airflow_ml_provider.cli.compile import carry_out, planned

    carry_out(planned([folder], folder).compilation)


def _copy(folder: Path, system: str) -> None:
    here = folder / system
    shutil.copytree(SHIPPED, here, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(
        SHIPPED / "flights_ml",
        folder / "flights_ml",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    written = here / "flights.yaml"
    text = written.read_text()
    renamed = text.replace("\nsystem: flights\n", f"\nsystem: {system}\n")
    if renamed == text:
        msg = f"{SHIPPED / 'flights.yaml'} has no line 'system: flights' to rename."
        raise ValueError(msg)
    written.write_text(renamed)


_STUB = '''\
"""Dags of systems that are written in YAML."""

from __future__ import annotations

from airflow_ml_provider import load_pipelines

load_pipelines(globals(), *(f"{{system}}/flights.yaml" for system in {names!r}))
'''

_HEAD = """\
from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset


def step(**context):
    return context["run_id"]


def chunks(**context):
    return [{"chunk": 0}]


def tell(context):
    print("failed:", context["run_id"])


def common(name, kind):
    return dict(
        dag_id=name,
        description=f"{kind} pipeline",
        start_date=datetime(2013, 1, 1, tzinfo=timezone.utc),
        end_date=datetime(2014, 1, 1, tzinfo=timezone.utc),
        catchup=True,
        max_active_runs=1,
        tags=[kind, "ml-platform"],
        default_args={"owner": "ml-platform", "retries": 2, "retry_delay": timedelta(minutes=1)},
        on_failure_callback=tell,
    )

"""

_DAGS = {
    "route_delays": """
features = Asset(f"{SYSTEM}_route_delays")
with DAG(schedule="0 0 * * *", **common(f"{SYSTEM}.route_delays", "feature")) as dag:
    wait = PythonOperator(task_id="wait_for_data", python_callable=step)
    materialize = PythonOperator(task_id="materialize", python_callable=step)
    wait >> materialize >> EmptyOperator(task_id="publish", outlets=[features])
globals()[dag.dag_id] = dag
""",
    "arrival_delay": """
with DAG(schedule="0 0 * * *", **common(f"{SYSTEM}.arrival_delay", "training")) as dag:
    last = PythonOperator(task_id="check_staleness", python_callable=step)
    for verb in ("build_dataset", "train", "evaluate", "promote"):
        last = last >> PythonOperator(task_id=verb, python_callable=step)
    last >> EmptyOperator(task_id="publish", outlets=[Asset(f"{SYSTEM}_arrival_delay")])
globals()[dag.dag_id] = dag
""",
    "expected_delays": """
features = Asset(f"{SYSTEM}_route_delays")
with DAG(schedule=[features], **common(f"{SYSTEM}.expected_delays", "inference")) as dag:
    wait = PythonOperator(task_id="wait_for_data", python_callable=step)
    pin = PythonOperator(task_id="pin_model", python_callable=chunks)
    predict = PythonOperator.partial(task_id="predict", python_callable=step).expand(
        op_kwargs=pin.output
    )
    commit = PythonOperator(task_id="commit", python_callable=step)
    publish = EmptyOperator(
        task_id="publish", outlets=[Asset(f"{SYSTEM}_expected_delays")]
    )
    wait >> pin >> predict >> commit >> publish
globals()[dag.dag_id] = dag
""",
}
