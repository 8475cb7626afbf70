"""The facts of an incident: what Airflow and the ledger still know once a run has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.training import Attempt
from airflow_ml_provider.notifications.guard import TimeIsUpError, within
from airflow_ml_provider.notifications.incident import FailedTask, Incident

# Far more than it takes, so that an alert does not lack its causes because a machine is busy.
_SECONDS = 10.0
_BROKEN = ("failed",)
_BLOCKED = ("upstream_failed",)


def incident_of(
    context: Mapping[str, Any], owner: str | None, store_conn_id: str | None
) -> Incident:
    """Gather what can be known; what cannot is noted, and never stops the rest."""
    dag, run_id = context.get("dag"), str(context.get("run_id"))
    dag_id = str(getattr(dag, "dag_id", "unknown"))
    states, no_states = _states(context, dag_id, run_id)
    attempts, no_attempts = _attempts(store_conn_id, dag_id, run_id)
    return Incident(
        dag_id=dag_id,
        run_id=run_id,
        partition_key=_partition_key(context),
        owner=owner or getattr(dag, "owner", None) or "nobody",
        reason=str(context.get("reason") or "the run failed"),
        failed=failed_tasks(states, attempts),
        not_run=tuple(sorted(name for name, state in states.items() if state in _BLOCKED)),
        base_url=base_url(),
        note=" ".join(filter(None, (no_states, no_attempts))) or None,
    )


def base_url() -> str:
    """Return where Airflow's pages are, as configured."""
    from airflow.sdk import conf

    return str(conf.get("api", "base_url", fallback="") or "")


def failed_tasks(states: Mapping[str, str], attempts: Sequence[Attempt]) -> tuple[FailedTask, ...]:
    """Join the tasks that Airflow calls failed with the last try that the ledger has of each."""
    last = {_name_of(attempt): attempt for attempt in attempts}
    failed = [_failed(name, last.get(name)) for name, state in states.items() if state in _BROKEN]
    return tuple(sorted(failed, key=lambda task: (task.task_id, task.map_index)))


def _failed(name: str, attempt: Attempt | None) -> FailedTask:
    if attempt is None:
        return FailedTask(name)
    return FailedTask(
        attempt.task_id,
        attempt.map_index,
        attempt.try_number,
        attempt.failure_class,
        attempt.message,
        killed=attempt.ended_at is None,
    )


def _name_of(attempt: Attempt) -> str:
    # Airflow's name of a task instance in the answer to GetTaskStates.
    mapped = f"_{attempt.map_index}" if attempt.map_index >= 0 else ""
    return f"{attempt.task_id}{mapped}"


def _states(
    context: Mapping[str, Any], dag_id: str, run_id: str
) -> tuple[dict[str, str], str | None]:
    instance = context.get("ti")
    if instance is None:
        return {}, None
    try:
        with within(_SECONDS):
            answer = instance.get_task_states(dag_id=dag_id, run_ids=[run_id])
    except TimeIsUpError:
        return {}, f"Airflow did not say within {_SECONDS:.0f} s which tasks failed."
    return {str(name): str(state) for name, state in answer.get(run_id, {}).items()}, None


def _partition_key(context: Mapping[str, Any]) -> str | None:
    run = context.get("dag_run")
    for key in (
        context.get("partition_key"),
        getattr(run, "partition_key", None),
        (context.get("params") or {}).get("partition_key"),
        (getattr(run, "conf", None) or {}).get("partition_key"),
    ):
        if key:
            return str(key)
    return None


def _attempts(
    store_conn_id: str | None, dag_id: str, run_id: str
) -> tuple[Sequence[Attempt], str | None]:
    """Read the tries of the run; a store that is down must not keep the alert back."""
    from airflow_ml_provider.hooks.store import open_store

    try:
        with within(_SECONDS), open_store(store_conn_id) as store:
            return store.ledger.attempts(dag_id, run_id), None
    except TimeIsUpError:
        why = f"it did not answer within {_SECONDS:.0f} s"
    except MLProviderError as error:
        why = str(error)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    return (), f"The ledger could not be asked for causes: {why}"
