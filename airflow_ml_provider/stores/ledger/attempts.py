"""The ledger's record of tries, in SQL: opened when a task begins, closed when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.training import Attempt
from airflow_ml_provider.stores.connection.session import Row, Session
from airflow_ml_provider.stores.ledger import records
from airflow_ml_provider.stores.ledger.lines import aware, naive, perhaps

_COLUMNS = (
    "dag_id, run_id, task_id, map_index, try_number, subject, started_at, ended_at, "
    "failure_class, message"
)


def opened(session: Session, attempt: Attempt) -> None:
    """Note a beginning; the same try begun again starts over."""
    records.put(
        session,
        "ml_attempt",
        _key(attempt),
        {
            "subject": attempt.subject,
            "started_at": naive(attempt.started_at),
            "ended_at": naive(attempt.ended_at),
            "failure_class": attempt.failure_class,
            "message": attempt.message,
        },
    )


def closed(
    session: Session, owner: Owner, at: datetime, failure_class: str | None, message: str | None
) -> None:
    """Note an end."""
    facts = {"ended_at": naive(at), "failure_class": failure_class, "message": message}
    records.changed(session, "ml_attempt", _key(owner), facts)


def of_run(session: Session, dag_id: str, run_id: str) -> Sequence[Attempt]:
    """Return the tries of a run, oldest first."""
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM ml_attempt WHERE dag_id = $1 AND run_id = $2 "
        "ORDER BY started_at, task_id, map_index, try_number",
        (dag_id, run_id),
    )
    return [_attempt(row) for row in rows]


def _key(tried: Attempt | Owner) -> records.Facts:
    names = ("dag_id", "run_id", "task_id", "map_index", "try_number")
    return {name: getattr(tried, name) for name in names}


def _attempt(row: Row) -> Attempt:
    dag_id, run_id, task_id, map_index, number, subject, started_at, ended_at, kind, message = row
    return Attempt(
        dag_id,
        run_id,
        task_id,
        map_index,
        number,
        subject,
        aware(started_at),
        perhaps(ended_at),
        kind,
        message,
    )
