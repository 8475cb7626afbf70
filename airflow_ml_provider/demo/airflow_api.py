"""A small client of Airflow's REST API: what a demo and an end-to-end test ask of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

Json = Any
T = TypeVar("T")

FINISHED = ("success", "failed")
_POLL_SECONDS = 0.5
_COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


class AirflowApiError(RuntimeError):
    """Airflow refused a request, or did not reach a state in time."""


class AirflowApi:
    """
    A session with one Airflow at ``address``, as the user of an all-admins auth manager.

    Proxies of the environment are not used: the servers meant here are on this machine.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._opener = build_opener(ProxyHandler({}))
        self._token: str | None = None

    def get(self, path: str, **query: Any) -> Json:
        """Return the answer of ``GET /api/v2/<path>``."""
        text = f"?{urlencode(query, doseq=True)}" if query else ""
        return self._call("GET", f"/api/v2/{path}{text}", None)

    def post(self, path: str, body: Json) -> Json:
        """Return the answer of ``POST /api/v2/<path>``."""
        return self._call("POST", f"/api/v2/{path}", body)

    def patch(self, path: str, body: Json) -> Json:
        """Return the answer of ``PATCH /api/v2/<path>``."""
        return self._call("PATCH", f"/api/v2/{path}", body)

    def page(self, path: str) -> Json:
        """Return what a page of Airflow's UI asks for: the answer of ``GET /ui/<path>``."""
        return self._call("GET", f"/ui/{path}", None)

    def healthy(self) -> bool:
        """Whether every component answers or has sent a heartbeat lately."""
        try:
            health = self._send("GET", "/api/v2/monitor/health", None, {})
        except (AirflowApiError, URLError, OSError):
            return False
        return all((health.get(name) or {}).get("status") == "healthy" for name in _COMPONENTS)

    def ready_for_tasks(self) -> bool:
        """Whether the part that tasks talk to answers; the first call makes it, in some seconds."""
        try:
            self._send("GET", "/execution/health", None, {})
        except (AirflowApiError, URLError, OSError):
            return False
        return True

    def dag_ids(self) -> list[str]:
        """Return the ids of every Dag that was parsed and is not stale, in order."""
        return sorted(dag["dag_id"] for dag in self.get("dags", limit=1000)["dags"])

    def import_errors(self) -> dict[str, str]:
        """Return the stack trace of each file that cannot be parsed."""
        errors = self.get("importErrors", limit=1000)["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def pause(self, dag_id: str, *, paused: bool = True) -> None:
        """Pause a Dag, or let it run again; events for a paused Dag are lost."""
        self.patch(f"dags/{quote(dag_id)}", {"is_paused": paused})

    def trigger(self, dag_id: str, partition_key: str | None = None, **body: Any) -> str:
        """Start a run and return its id."""
        request = {"logical_date": None, **body}
        if partition_key is not None:
            request["partition_key"] = partition_key
        return str(self.post(f"dags/{quote(dag_id)}/dagRuns", request)["dag_run_id"])

    def backfill(
        self,
        dag_id: str,
        first: str,
        last: str,
        *,
        max_active_runs: int = 16,
        reprocess: str = "none",
        conf: Mapping[str, Any] | None = None,
    ) -> int:
        """Start one run a partition from ``first`` to ``last``, both dates inclusive."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z" if "T" not in first else first,
            "to_date": f"{last}T00:00:00Z" if "T" not in last else last,
            "run_backwards": False,
            "max_active_runs": max_active_runs,
            "reprocess_behavior": reprocess,
            "dag_run_conf": dict(conf or {}),
        }
        return int(self.post("backfills", body)["id"])

    def runs(self, dag_id: str = "~", **query: Any) -> list[dict[str, Any]]:
        """Return the runs of a Dag (or of all), oldest first."""
        query = {"limit": 1000, "order_by": "id", **query}
        found: list[dict[str, Any]] = self.get(f"dags/{quote(dag_id)}/dagRuns", **query)[
            "dag_runs"
        ]
        return found

    def tasks(self, dag_id: str = "~", run_id: str = "~") -> list[dict[str, Any]]:
        """Return the task instances of a run (or of all)."""
        path = f"dags/{quote(dag_id)}/dagRuns/{quote(run_id)}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=100, offset=len(found))
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def wait(self, condition: Callable[[], T | None], what: str, timeout: float = 60) -> T:
        """
        Ask until ``condition`` returns something true, and return that.

        :raises AirflowApiError: naming ``what`` when it did not come within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (answer := condition()):
            if time.monotonic() > deadline:
                msg = f"Waited {timeout:.0f} s for {what}, and it did not come."
                raise AirflowApiError(msg)
            time.sleep(_POLL_SECONDS)
        return answer

    def wait_for_dags(self, dag_ids: Sequence[str], timeout: float = 120) -> None:
        """
        Wait until all of ``dag_ids`` can be run.

        :raises AirflowApiError: at once, with the stack trace, when a file cannot be parsed.
        """

        def ready() -> bool:
            if errors := self.import_errors():
                msg = "\n".join(f"{name}: {trace}" for name, trace in errors.items())
                raise AirflowApiError(msg)
            return set(dag_ids) <= set(self.dag_ids())

        self.wait(ready, f"the Dags {', '.join(dag_ids)}", timeout)

    def wait_for_run(
        self,
        dag_id: str,
        run_id: str,
        states: Sequence[str] = FINISHED,
        timeout: float = 120,
    ) -> dict[str, Any]:
        """Wait until a run is in one of ``states`` and return it."""
        path = f"dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"

        def done() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(path)
            return run if run["state"] in states else None

        return self.wait(done, f"{dag_id} {run_id} to be {' or '.join(states)}", timeout)

    def _call(self, method: str, path: str, body: Json) -> Json:
        if self._token is None:
            self._token = self._send("GET", "/auth/token", None, {})["access_token"]
        return self._send(method, path, body, {"Authorization": f"Bearer {self._token}"})

    def _send(self, method: str, path: str, body: Json, headers: Mapping[str, str]) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = Request(  # noqa: S310  the address is ours, and http
            self.address + path,
            data,
            {"Content-Type": "application/json", **headers},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            msg = f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:2000]}"
            raise AirflowApiError(msg) from error
