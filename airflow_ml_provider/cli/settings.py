"""Settings: those of Airflow that would bite an installation of this size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING

from airflow_ml_provider.cli.finding import Finding, State

if TYPE_CHECKING:
    from airflow_ml_provider.spec.catalog import Entry

# Measured: about 3 ms of processor time a Dag to make it, and as much to serialize it; a busy
# machine takes its time over that.
_SECONDS_A_DAG = 0.01
_RUNS_AT_ONCE = 16


def settings(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Look at what bounds parsing and waiting, for so many pipelines."""
    pipelines = len(entries)
    waiting = sum(entry.kind != "training" for entry in entries) * _RUNS_AT_ONCE
    yield from _timeouts(pipelines)
    yield _pass(pipelines)
    yield _triggerer(waiting)
    yield from _discovery()


def _timeouts(pipelines: int) -> Iterator[Finding]:
    from airflow.sdk.configuration import conf

    for section, name in (
        ("core", "dagbag_import_timeout"),
        ("dag_processor", "dag_file_processor_timeout"),
    ):
        limit = conf.getfloat(section, name)
        if pipelines * _SECONDS_A_DAG > limit / 3:
            yield Finding(
                State.NOTE,
                f"[{section}] {name}",
                f"{limit:g} s is little for {pipelines} pipelines in one Dag file.",
                "Give each its own (airflow-ml compile), or raise it.",
            )


def _pass(pipelines: int) -> Finding:
    """Look at how often files are read, and whether the processes that read them keep up."""
    from airflow.sdk.configuration import conf

    wait = conf.getint("dag_processor", "min_file_process_interval")
    processes = max(1, conf.getint("dag_processor", "parsing_processes"))
    needed = pipelines * _SECONDS_A_DAG / processes
    if wait and needed > wait / 2:
        return Finding(
            State.NOTE,
            "parsing",
            f"{pipelines} pipelines keep {processes} parsing_processes busy for about "
            f"{ceil(needed)} s of every {wait} s (min_file_process_interval).",
            "Raise the one or the other in [dag_processor].",
        )
    said = f"are seen after up to {wait} s ([dag_processor] min_file_process_interval)"
    return Finding(State.WELL, "yaml edits", said)


def _triggerer(waiting: int) -> Finding:
    from airflow.sdk.configuration import conf

    capacity = conf.getint("triggerer", "capacity")
    if waiting > capacity:
        return Finding(
            State.NOTE,
            "[triggerer] capacity",
            f"{capacity} is less than the {waiting} runs that may wait for data at once.",
            "Raise it, or run more triggerers: what does not fit waits unseen.",
        )
    return Finding(State.WELL, "[triggerer] capacity", f"{capacity}, for up to {waiting} waits")


def _discovery() -> Iterator[Finding]:
    from airflow.sdk.configuration import conf

    interval = conf.getint("dag_processor", "refresh_interval")
    said = f"are found after up to {interval} s ([dag_processor] refresh_interval)"
    yield Finding(State.WELL, "new Dag files", said)
    if not conf.getboolean("core", "dag_discovery_safe_mode"):
        yield Finding(
            State.NOTE,
            "[core] dag_discovery_safe_mode",
            "is off, so modules of functions beside your YAML are run as Dag files, too.",
            "Switch it on, or name them in .airflowignore.",
        )
