"""Row 2: parsing Dag files and starting tasks, beside the same Dags written by hand."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import dagfiles
from tests.bench.figure import Figure, ratio
from tests.bench.measure import in_child, in_turns

GROUP = "Dag files"
NOTE = """\
N copies of the flights system (3 Dags each) beside the same Dags and tasks by hand, with
PythonOperators, EmptyOperators and plain schedules (no windows, checks or waiting in them).
Processor time of a forked child whose parent has imported Airflow, through BundleDagBag:
  parse        every file of the folder, as the Dag processor does, which has imported the
               `airflow.*` modules that a file names beforehand; by ours nothing is
  first parse  the same with an empty home: every YAML is read, checked and its recipes kept
  peak memory  of that child after parsing and serializing
  task start   the one file of one training Dag, with the parsing context set to that Dag and all
               plugins loaded (ours, too), as the task runner does before it parses
  serialize    Airflow's own to_dict and json over the Dags parsed, apart from parsing
By hand: `loop` is one file that makes all Dags, `own file` is a file for each Dag.
Ours: `one stub` is one Dag file that loads N YAML files, `stub each` a Dag file for each YAML,
`compiled` a Dag file for each Dag, as `airflow-ml compile` writes them."""

_WRITERS = {
    "one stub": dagfiles.stub_for_all,
    "stub each": dagfiles.stub_each,
    "compiled": dagfiles.compiled,
    "loop": dagfiles.loop,
    "own file": dagfiles.file_each,
}
_SIZES = ((10, 7, 25), (100, 5, 25), (1000, 2, 25))
_QUICK = ((1, 1, 1), (3, 1, 1))
_MANY = 100
"""From here on imports are small beside what is made."""


def figures(*, quick: bool) -> list[Figure]:
    """Parse and start a few copies and many, in every layout."""
    with tempfile.TemporaryDirectory() as home:
        import_airflow(Path(home))
        found: list[Figure] = []
        alone: list[list[float]] = []
        for count, parses, starts in _QUICK if quick else _SIZES:
            folders = {name: Path(home, f"{count}_{name}") for name in _WRITERS}
            for name, folder in folders.items():
                folder.mkdir()
                _WRITERS[name](folder, count)
            found += _parses(count, parses, folders)
            costs = _starts(count, starts, folders)
            found += _start_figures(count, costs)
            alone.append(costs["one stub"])
        return [*found, _growth([size[0] for size in (_QUICK if quick else _SIZES)], alone)]


def _parses(count: int, rounds: int, folders: dict[str, Path]) -> list[Figure]:
    actions = {name: partial(parse, folder, count) for name, folder in folders.items()}
    first = in_child(partial(_first, actions["one stub"]))
    in_child(actions["stub each"])
    in_child(actions["one stub"])
    costs = in_turns(rounds, {name: partial(in_child, each) for name, each in actions.items()})
    parsed, written, memory = (
        {name: [cost[part] for cost in found] for name, found in costs.items()}
        for part in range(3)
    )
    limit = 1.10 if count >= _MANY else None
    return [
        _figure("parse", count, parsed, "one stub", "loop", limit),
        _figure("parse", count, parsed, "stub each", "own file"),
        _figure("parse", count, parsed, "compiled", "own file"),
        _figure("first parse", count, {**parsed, "one stub": [first[0]]}, "one stub", "loop"),
        _figure("serialize", count, written, "one stub", "loop", 1.05),
        _figure("peak memory", count, memory, "one stub", "loop", unit="MiB"),
    ]


def _starts(count: int, rounds: int, folders: dict[str, Path]) -> dict[str, list[float]]:
    system = dagfiles.systems(count)[-1]
    names = {
        "one stub": "every_system.py",
        "stub each": f"{system}.py",
        "compiled": f"{system}__arrival_delay.py",
        "own file": f"{system}_arrival_delay.py",
        "loop": "every_system.py",
    }
    actions = {
        name: partial(in_child, partial(start, folders[name] / file, f"{system}.arrival_delay"))
        for name, file in names.items()
    }
    loop = actions.pop("loop")
    return {**in_turns(rounds, actions), "loop": [loop()]}


def _start_figures(count: int, costs: dict[str, list[float]]) -> list[Figure]:
    return [
        _figure("task start", count, costs, "stub each", "own file", 0.50),
        _figure("task start", count, costs, "compiled", "own file", 0.50),
        _figure("task start", count, costs, "one stub", "own file", 0.50),
        _figure("task start", count, costs, "one stub", "loop"),
    ]


def _growth(counts: list[int], costs: list[list[float]]) -> Figure:
    name = f"task start, one stub: N={counts[-1]} / N={counts[0]}"
    return ratio(GROUP, name, costs[-1], costs[0], "ms", 1.10)


def _first(action: Callable[[], tuple[float, float, float]]) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW__AIRFLOW_ML__HOME"] = home
        return action()


def _figure(
    what: str,
    count: int,
    costs: dict[str, list[float]],
    ours: str,
    peer: str,
    limit: float | None = None,
    *,
    unit: str = "ms",
) -> Figure:
    name = f"{what}, N={count}: {ours} / {peer}"
    return ratio(GROUP, name, costs[ours], costs[peer], unit, limit)


def import_airflow(home: Path) -> None:
    """Import what the Dag processor and the task supervisor have when they fork."""
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    for name in (
        "airflow.sdk",
        "airflow.dag_processing.processor",
        "airflow.sdk.execution_time.task_runner",
        "airflow.serialization.serialized_objects",
    ):
        importlib.import_module(name)
    gc.freeze()  # as both do before they fork


def parse(folder: Path, count: int) -> tuple[float, float, float]:
    """Return the milliseconds that parsing and serializing take, and the MiB at most."""
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.file import iter_airflow_imports

    for file in folder.glob("*.py"):
        for name in iter_airflow_imports(str(file)):
            importlib.import_module(name)
    began = time.process_time()
    dags = _bag(folder, folder)
    parsed = time.process_time()
    for dag in dags.values():
        json.dumps(DagSerialization.to_dict(dag))
    written = time.process_time()
    if len(dags) != 3 * count:
        msg = f"{folder.name}: found {len(dags)} Dags instead of {3 * count}"
        raise RuntimeError(msg)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return 1000 * (parsed - began), 1000 * (written - parsed), peak


def start(file: Path, dag_id: str) -> float:
    """Return the milliseconds from the start of a task's parse until its Dag is there."""
    from airflow.sdk.listener import get_listener_manager

    get_listener_manager()  # brings the plugins of everything installed, ours too
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    os.environ["_AIRFLOW_PARSING_CONTEXT_TASK_ID"] = "train"
    began = time.process_time()
    tasks = _bag(file, file.parent)[dag_id].task_dict
    took = time.process_time() - began
    if "train" not in tasks:
        msg = f"{file.name}: {dag_id} has no task 'train'"
        raise RuntimeError(msg)
    return 1000 * took


def _bag(what: Path, bundle: Path) -> dict[str, Any]:
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(
        dag_folder=str(what),
        bundle_path=bundle,
        bundle_name="bench",
        load_op_links=False,
    )
    if bag.import_errors:
        msg = "\n".join(bag.import_errors.values())
        raise RuntimeError(msg)
    return bag.dags
