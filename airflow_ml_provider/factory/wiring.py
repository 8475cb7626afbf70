"""Wiring: what every Dag of a system shares, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param

from airflow_ml_provider.notifications import PipelineNotifier
from airflow_ml_provider.spec import end_of, start_of

if TYPE_CHECKING:
    from airflow_ml_provider.schedules.timetable import PartitionTimetable
    from airflow_ml_provider.spec import LoadedSystem, System


@dataclass(frozen=True, slots=True)
class Wiring:
    """One loaded system, as its Dags need it."""

    loaded: LoadedSystem

    @property
    def system(self) -> System:
        """What the user wrote."""
        return self.loaded.system

    @property
    def start(self) -> datetime:
        """Where the first partition may begin."""
        return start_of(self.loaded)

    @property
    def store(self) -> dict[str, Any]:
        """The arguments by which a task finds its store."""
        return {"store_conn_id": self.system.store}

    @property
    def registry(self) -> dict[str, Any]:
        """The arguments by which a task finds its store and the model registry."""
        return {**self.store, "registry_conn_id": self.system.registry}

    @contextmanager
    def dag(  # the arguments in which Dags of different kinds differ
        self,
        dag_id: str,
        kind: str,
        *,
        purpose: str,
        timetable: PartitionTimetable,
        max_active_runs: int,
    ) -> Iterator[DAG]:
        """Enter an empty Dag, scheduled and watched."""
        system = self.system
        with DAG(
            dag_id,
            schedule=timetable,
            start_date=self.start,
            end_date=end_of(self.loaded),
            catchup=False,
            max_active_runs=max_active_runs,
            default_args={
                "owner": system.owner,
                "retries": system.retries,
                "retry_delay": system.retry_delay,
            },
            tags=[kind, f"owner:{system.owner}"],
            doc_md=self._doc(dag_id, kind, purpose),
            on_failure_callback=[
                PipelineNotifier(system.alert, store_conn_id=system.store, owner=system.owner)
            ],
        ) as dag:
            yield dag
        # Last, since a task that is made under a param carries a copy and serializes it once more.
        dag.params["partition_key"] = _partition_key()

    def _doc(self, dag_id: str, kind: str, purpose: str) -> str:
        told = ", ".join(self.system.alert) or "the log"
        name = dag_id.partition(".")[2]
        return "\n\n".join(
            (
                purpose,
                f"Owner: {self.system.owner}. Failures are told to: {told}.",
                f"Declared in {self.loaded.path.name} as {kind}.{name}.",
            )
        )


def _partition_key() -> Param:
    return Param(
        None,
        type=["null", "string"],
        description="The partition to work on, when the run has no partition key of its own.",
    )
