"""Row 2 again: other factories of Dags, in an environment of their own that is thrown away."""

from __future__ import annotations

import site
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.bench import dagfiles, factoryfiles
from tests.bench.figure import Figure, ratio
from tests.bench.measure import in_child, in_turns
from tests.bench.parsing import import_airflow, parse, start

GROUP = "Dag factories"
NOTE = """\
Measured on request alone, since it installs: dag-factory 1.1.0, airflow-blueprint 0.5.0 and gusty
0.23.1 into an environment that is thrown away, over ours and under our constraints.
N systems of 3 Dags with the tasks of the flights system, each peer in the layout that its
documentation shows, with PythonOperators that do nothing (gusty: BashOperators); without assets,
mapped tasks and callbacks, so they make less than we do. Beside them is our `one stub`, whose
recipes are kept, as they are from the second parse on. Processor time, as under "Dag files"."""
_INSTALL = ("dag-factory==1.1.0", "airflow-blueprint==0.5.0", "gusty==0.23.1")
_WRITERS = {
    "one stub": dagfiles.stub_for_all,
    "dag-factory": factoryfiles.dag_factory,
    "airflow-blueprint": factoryfiles.blueprint,
    "gusty": factoryfiles.gusty,
}


def figures(*, quick: bool) -> list[Figure]:
    """Install the peers, then parse and start in turns."""
    with tempfile.TemporaryDirectory() as home:
        _install(Path(home, "peers"))
        import_airflow(Path(home))
        found: list[Figure] = []
        for count, rounds in ((2, 1),) if quick else ((10, 3), (100, 2)):
            found += _compared(Path(home), count, rounds)
        return found


def _compared(home: Path, count: int, rounds: int) -> list[Figure]:
    folders = {name: Path(home, f"{count}_{name}") for name in _WRITERS}
    for name, folder in folders.items():
        folder.mkdir()
        _WRITERS[name](folder, count)
    parses = {name: partial(in_child, partial(parse, f, count)) for name, f in folders.items()}
    parses["one stub"]()
    parsed = in_turns(rounds, parses)
    dag_id = f"{dagfiles.systems(count)[-1]}.arrival_delay"
    starts = {
        name: partial(in_child, partial(start, folder / "every_system.py", dag_id))
        for name, folder in folders.items()
    }
    started = in_turns(rounds, starts)
    return [
        *_beside(f"parse, N={count}", {name: [one[0] for one in c] for name, c in parsed.items()}),
        *_beside(f"task start, N={count}", started),
    ]


def _beside(what: str, costs: dict[str, list[float]]) -> list[Figure]:
    ours = costs.pop("one stub")
    return [
        ratio(GROUP, f"{what}: one stub / {name}", ours, cost, "ms")
        for name, cost in costs.items()
    ]


def _install(folder: Path) -> None:
    """Install what is missing here into ``folder``, and make it importable."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    # What we have counts as installed there, so that only the peers' own needs are added.
    (packages / "ours.pth").write_text("\n".join(site.getsitepackages()))
    constraints = Path(__file__).parents[2] / "constraints.txt"
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "-q", "-c", constraints, *_INSTALL],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    sys.path.append(str(packages))
