"""The demo from end to end: prepare, play, sum up; run it again and it has nothing to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.demo.data import load_raw
from airflow_ml_provider.demo.play import Play, played
from airflow_ml_provider.demo.premises import DemoStore, Premises
from airflow_ml_provider.demo.summary import render, summarize
from airflow_ml_provider.demo.system import FlightsSystem, Progress, progress
from airflow_ml_provider.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from airflow_ml_provider.demo.server import LocalAirflow
    from airflow_ml_provider.domain.ports import Store
    from airflow_ml_provider.domain.window import Window

FIRST = "2013-01-01"
DAYS = 16


def run(
    *,
    ui: bool = False,
    days: int = DAYS,
    home: Path = Path(".demo"),
    store: DemoStore = DemoStore.DUCKDB,
) -> None:
    """
    Play ``days`` days of flights on a real Airflow whose home is inside ``home``.

    With ``ui`` Airflow stays up afterwards, until the terminal says stop.

    :raises DemoError: when a run failed.
    :raises ConfigurationError: when the demo's Dags are not there.
    """
    from rich.console import Console

    began, console, dags = time.monotonic(), Console(), dags_folder()
    premises = Premises.of(home.resolve(), store)
    _settle(premises)
    system = FlightsSystem.load(dags)
    windows = system.windows(FIRST, days)
    raw = _prepare(console)
    with _open_store() as opened:
        states = progress(opened.ledger, system, windows)
    todo = [one for one in states if not one.done]
    if len(todo) < len(windows):
        console.print(f"Already done: {len(windows) - len(todo)} of {len(windows)} windows.")
    footer: list[tuple[str, str]] = []
    if todo or ui:
        with _airflow(premises, dags, console) as airflow:
            footer = _play(airflow, system, todo, console)
            _sum_up(console, system, windows, raw, [*footer, *_where_next(premises, began)])
            if ui:
                _stay(console, airflow)
    else:
        console.print("Nothing is left to do, so Airflow was not started.")
        _sum_up(console, system, windows, raw, _where_next(premises, began))


def _settle(premises: Premises) -> None:
    # What the shell has set for another Airflow does not count here.
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    os.environ |= {"AIRFLOW_HOME": str(premises.airflow), **premises.environment}


def dags_folder() -> Path:
    """
    Return the folder with ``flights.yaml``: the checkout's, or the copy in the installed package.

    :raises ConfigurationError: when neither is there.
    """
    package = Path(__file__).parent
    for folder in (package.parents[1] / "dags", package / "dags"):
        if (folder / "flights.yaml").exists():
            return folder
    msg = f"The demo's flights.yaml is neither in {package.parents[1] / 'dags'} nor in {package / 'dags'}."
    raise ConfigurationError(msg)


def load(conn_id: str | None = None) -> dict[str, int]:
    """Write the raw records of the demo into a store; return the rows of each table."""
    from airflow_ml_provider.hooks.store import open_store

    with open_store(conn_id) as store:
        return load_raw(store, now=datetime.now(UTC))


def _open_store() -> Store:
    from airflow_ml_provider.hooks.store import open_store

    return open_store(None)


def _prepare(console: Console) -> dict[str, int]:
    from airflow_ml_provider.hooks.registry import open_registry

    with console.status("Reading the flights of 2013 …"), _open_store() as store:
        raw = load_raw(store, now=datetime.now(UTC))
    with console.status("Preparing the model registry …"):
        open_registry(None)
    console.print("Raw records: " + ", ".join(f"{name} {rows:,}" for name, rows in raw.items()))
    return raw


def _airflow(premises: Premises, dags: Path, console: Console) -> LocalAirflow:
    from airflow_ml_provider.demo.server import LocalAirflow

    console.print("Starting Airflow (scheduler, Dag processor, triggerer, API server) …")
    return LocalAirflow(premises.airflow, dags, env=premises.environment)


def _play(
    airflow: LocalAirflow, system: FlightsSystem, todo: Sequence[Progress], console: Console
) -> list[tuple[str, str]]:
    airflow.api.wait_for_dags(system.dag_ids)
    console.print(f"Airflow answers at {airflow.address}. {len(todo)} windows to play.")
    began = time.monotonic()
    with _Bar(console, len(todo)) as step:
        play = Play(airflow.api, system, _open_store, console.print)
        play.run(todo, step)
    tasks, rate = played(airflow.api, play, began)
    return [("tasks run", f"{tasks} in {time.monotonic() - began:.0f} s, {rate:.2f} a second")]


class _Bar:
    """A progress bar over windows; entering it returns the function that moves it on."""

    def __init__(self, console: Console, total: int) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bar = Progress(
            TextColumn("windows"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._bar.add_task("windows", total=total)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._task)

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()


def _sum_up(
    console: Console,
    system: FlightsSystem,
    windows: Sequence[Window],
    raw: dict[str, int],
    footer: list[tuple[str, str]],
) -> None:
    with _open_store() as store:
        summary = summarize(store, system, windows, raw)
    console.rule("The flights system")
    console.print(render(summary, footer), highlight=False, soft_wrap=True)


def _where_next(premises: Premises, began: float) -> list[tuple[str, str]]:
    return [
        ("time taken", f"{time.monotonic() - began:.0f} s"),
        ("store", f"{premises.kind} {premises.store}"),
        (
            "look next",
            f"airflow-ml why flights.arrival_delay; {premises.again} UI=1; dags/flights.yaml",
        ),
    ]


def _stay(console: Console, airflow: LocalAirflow) -> None:
    from signal import pause

    console.print(f"Airflow stays up at {airflow.address} (no password). Press Ctrl-C to stop it.")
    try:
        pause()
    except KeyboardInterrupt:
        console.print("Stopping Airflow …")
