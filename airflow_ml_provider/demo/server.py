"""A whole Airflow on this machine, for a demo or a test: started, watched and taken down again."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import FrameType, TracebackType

from airflow_ml_provider.demo.airflow_api import AirflowApi, AirflowApiError
from airflow_ml_provider.demo.processes import stop_all

PRELOAD = (
    "airflow_ml_provider.steps.feature",
    "airflow_ml_provider.steps.inference",
    "airflow_ml_provider.steps.training",
    "airflow_ml_provider.stores.delta.format",
    "airflow_ml_provider.stores.lake.store",
    "airflow_ml_provider.stores.open",
    "deltalake.transaction",
    "duckdb",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracking",
    "pyarrow.compute",
    "pyarrow.parquet",
    "sklearn.ensemble",
)
"""What tasks import most; those that are not installed are passed over."""

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")

PATIENT_SQLITE = {"timeout": 60}
"""What Airflow is told of its database: SQLite has one writer, and five seconds are soon over."""

# Read by every component when it starts.
_SETTINGS = """import sys
from contextlib import suppress
from importlib import import_module

if "scheduler" in sys.argv:
    for name in {modules!r}:
        with suppress(ImportError):
            import_module(name)
"""
_LOOPBACK = "127.0.0.1"


class LocalAirflow:
    """
    A scheduler, Dag processor, triggerer and API server on loopback, with SQLite metadata.

    Use it as a context manager. ``home`` keeps the database, the logs and the generated secrets, and
    may be used again; ``dags`` is the Dags folder. ``env`` is added to the environment of every
    component. ``preload`` names modules that the scheduler imports once, so that the processes of
    tasks, which are forked from it, need not. Nothing that it started is left when the block ends,
    by whatever road.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        port: int | None = None,
        parallelism: int = 4,
        env: Mapping[str, str] | None = None,
        paused: bool = False,
        preload: Sequence[str] = PRELOAD,
        start_timeout: float = 240,
    ) -> None:
        self.home = home.resolve()
        self.dags = dags.resolve()
        self.port = port or _free_port()
        self.address = f"http://{_LOOPBACK}:{self.port}"
        self.api = AirflowApi(self.address)
        self.environment = self._environment(parallelism, paused, env or {})
        self._preload = tuple(preload)
        self._start_timeout = start_timeout
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._former_handler: object = None

    def __enter__(self) -> LocalAirflow:
        self._catch_sigterm()
        try:
            self.start()
        except BaseException:
            self.stop()
            self._release_sigterm()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._release_sigterm()

    def start(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """
        Bring the database up to date, start every component and wait until all are healthy.

        :raises AirflowApiError: with the end of its log, when a component dies or takes too long.
        """
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        self._keep_secrets()
        self._keep_preload()
        tell("preparing Airflow's database")
        # The API server needs long to start and no database for it, so the two overlap.
        self.start_component(COMPONENTS[0])
        self._migrate()
        for name in COMPONENTS[1:]:
            self.start_component(name)
        tell("waiting for Airflow's components")
        self._wait(self.api.ready_for_tasks, "the API server to answer")
        self._wait(self.api.healthy, "Airflow to be healthy")

    def start_component(self, name: str) -> None:
        """Start one component, in a session of its own."""
        self._processes[name] = self._run(name, [name, *_ARGUMENTS.get(name, [])])

    def stop_component(self, name: str) -> None:
        """Stop one component and everything below it."""
        process = self._processes.pop(name, None)
        if process is not None:
            stop_all([process])

    def stop(self) -> None:
        """Stop whatever runs, youngest first; harmless when nothing does."""
        processes = list(reversed(self._processes.values()))
        self._processes.clear()
        stop_all(processes)

    def log(self, name: str, lines: int = 40) -> str:
        """Return the end of a component's output."""
        path = self.home / "logs" / f"{name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _migrate(self) -> None:
        process = self._run("db-migrate", ["db", "migrate"])
        self._processes["db-migrate"] = process
        if process.wait(self._start_timeout) != 0:
            msg = f"Airflow's database could not be prepared:\n{self.log('db-migrate')}"
            raise AirflowApiError(msg)
        del self._processes["db-migrate"]
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            # Readers and the one writer then do not wait for each other.
            database.execute("PRAGMA journal_mode=WAL")

    def _keep_secrets(self) -> None:
        # Written before the first component starts, or each would make up its own.
        path = self.home / "airflow.cfg"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(
                f"[core]\nfernet_key = {b64encode(secrets.token_bytes(32), b'-_').decode()}\n"
                f"[api]\nsecret_key = {secrets.token_hex(32)}\n"
                f"[api_auth]\njwt_secret = {secrets.token_hex(64)}\n"
            )

    def _keep_preload(self) -> None:
        folder = self.home / "config"
        folder.mkdir(exist_ok=True)
        text = _SETTINGS.format(modules=self._preload)
        (folder / "airflow_local_settings.py").write_text(text)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        def alive_and_ready() -> bool:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    msg = f"Airflow's {name} ended with {process.returncode}:\n{self.log(name)}"
                    raise AirflowApiError(msg)
            return condition()

        self.api.wait(alive_and_ready, what, self._start_timeout)

    def _run(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self.home / "logs" / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(
        self, parallelism: int, paused: bool, env: Mapping[str, str]
    ) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW__")}
        settings = {
            "api__host": _LOOPBACK,
            "api__base_url": self.address,
            "api__port": self.port,
            "api__workers": 1,
            "core__dags_are_paused_at_creation": paused,
            "core__dags_folder": self.dags,
            "core__execution_api_server_url": f"{self.address}/execution/",
            "core__load_examples": False,
            "core__parallelism": parallelism,
            "core__simple_auth_manager_all_admins": True,
            "database__check_migrations": False,
            "dag_processor__bundle_refresh_check_interval": 2,
            "database__sql_alchemy_connect_args": f"{__name__}.PATIENT_SQLITE",
            "dag_processor__min_file_process_interval": 10,
            "dag_processor__parsing_processes": 1,
            "dag_processor__refresh_interval": 5,
            "scheduler__scheduler_idle_sleep_time": 0.5,
            "usage_data_collection__enabled": False,
            # A supervisor may miss the end of its task by a hair, and then sleeps this long (5 s
            # by default) while it holds its slot.
            "workers__min_heartbeat_interval": 1,
        }
        ours = {f"AIRFLOW__{name.upper()}": str(value) for name, value in settings.items()}
        local = {
            "AIRFLOW_HOME": str(self.home),
            "NO_PROXY": _LOOPBACK,
            "no_proxy": _LOOPBACK,
        }
        return {**kept, **local, **ours, **env}

    def _catch_sigterm(self) -> None:
        # The default action would end this process without unwinding, and orphan Airflow.
        if threading.current_thread() is threading.main_thread():
            self._former_handler = signal.signal(signal.SIGTERM, _leave)

    def _release_sigterm(self) -> None:
        if self._former_handler is not None:
            signal.signal(signal.SIGTERM, self._former_handler)  # type: ignore[arg-type]
            self._former_handler = None


# The log servers would listen on every interface; logs are read from the disk here.
_ARGUMENTS = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_LOOPBACK, 0))
        return int(listener.getsockname()[1])
