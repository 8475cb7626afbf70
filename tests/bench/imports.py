"""Row 1: what the import of the operators adds to Airflow's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from statistics import median
from typing import Any

from tests.bench.figure import Figure
from tests.bench.measure import in_turns

GROUP = "import"
NOTE = """\
In a fresh interpreter that has run `from airflow.sdk import DAG, Asset, BaseOperator`. Foreign:
every module that is loaded anew and is not ours, the standard library's too. Our modules are
compiled beforehand. `every operator` is `from airflow_ml_provider.operators import *`; beside it
is the import of PythonOperator, without which few Dags by hand can do."""
_KINDS = {
    "every operator": "from airflow_ml_provider.operators import *",
    "a feature Dag's": (
        "from airflow_ml_provider.operators import MaterializeOperator, PublishOperator"
    ),
    "PythonOperator": "from airflow.providers.standard.operators.python import PythonOperator",
}
_PROGRAM = """
import json, sys, time
from airflow.sdk import DAG, Asset, BaseOperator
before = set(sys.modules)
wall, cpu = time.perf_counter(), time.process_time()
{statement}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
new = sorted(set(sys.modules) - before)
print(json.dumps({{"wall": 1000 * wall, "cpu": 1000 * cpu, "new": new}}))
"""


def figures(*, quick: bool) -> list[Figure]:
    """Import the operators in several fresh interpreters."""
    _once("every operator")  # leaves the compiled files behind
    rounds = 1 if quick else 5
    found = in_turns(rounds, {kind: partial(_once, kind) for kind in _KINDS})
    new = found["every operator"][0]["new"]
    foreign = [name for name in new if name.split(".")[0] != "airflow_ml_provider"]
    count = float(len(foreign))
    return [
        Figure(
            GROUP,
            f"foreign modules ({', '.join(foreign)})",
            count,
            None,
            "",
            count,
            5,
            strict=True,
        ),
        _time(found, "every operator", "cpu", "processor time", 3),
        _time(found, "every operator", "wall", "wall time"),
        _time(found, "a feature Dag's", "cpu", "processor time"),
    ]


def _time(
    found: dict[str, list[Any]], kind: str, clock: str, what: str, limit: float | None = None
) -> Figure:
    ours, peer = (median(one[clock] for one in found[which]) for which in (kind, "PythonOperator"))
    return Figure(GROUP, f"{kind}, {what}", ours, peer, "ms", ours, limit, strict=True)


def _once(kind: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        said = subprocess.run(
            [sys.executable, "-c", _PROGRAM.format(statement=_KINDS[kind])],
            env={**os.environ, "AIRFLOW_HOME": home},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    return dict(json.loads(said.splitlines()[-1]))
