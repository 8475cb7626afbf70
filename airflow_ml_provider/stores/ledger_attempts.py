"""The ledger's record of tries, in SQL: opened when a task begins, closed when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.training import Attempt
from airflow_ml_provider.stores.ledger_lines import aware, naive
from airflow_ml_provider.stores.session import Row, Session

_COLUMNS = (
    "dag_id, run_id, task_id, map_index, try_number, subject, started_at, ended_at, "
    "failure_class, message"
)


def opened(session: Session, attempt: Attempt) -> None:
    """Note a beginning; the same try begun again starts over."""
    session.change(
        f"INSERT INTO ml_attempt ({_COLUMNS}) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT (dag_id, run_id, task_id, map_index, try_number) DO UPDATE "
        "SET subject = excluded.subject, started_at = excluded.started_at, "
        "ended_at = excluded.ended_at, failure_class = excluded.failure_class, "
        "message = excluded.message",
        (
            attempt.dag_id,
            attempt.run_id,
            attempt.task_id,
            attempt.map_index,
            attempt.try_number,
            attempt.subject,
            naive(attempt.started_at),
            naive(attempt.ended_at),
            attempt.failure_class,
            attempt.message,
        ),
    )


def closed(
    session: Session, owner: Owner, at: datetime, failure_class: str | None, message: str | None
) -> None:
    """Note an end."""
    session.change(
        "UPDATE ml_attempt SET ended_at = $6, failure_class = $7, message = $8 WHERE dag_id = $1 "
        "AND run_id = $2 AND task_id = $3 AND map_index = $4 AND try_number = $5",
        (
            owner.dag_id,
            owner.run_id,
            owner.task_id,
            owner.map_index,
            owner.try_number,
            naive(at),
            failure_class,
            message,
        ),
    )


def of_run(session: Session, dag_id: str, run_id: str) -> Sequence[Attempt]:
    """Return the tries of a run, oldest first."""
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM ml_attempt WHERE dag_id = $1 AND run_id = $2 "
        "ORDER BY started_at, task_id, map_index, try_number",
        (dag_id, run_id),
    )
    return [_attempt(row) for row in rows]


def _attempt(row: Row) -> Attempt:
    dag_id, run_id, task_id, map_index, number, subject, started_at, ended_at, kind, message = row
    return Attempt(
        dag_id,
        run_id,
        task_id,
        map_index,
        number,
        subject,
        started_at.replace(tzinfo=UTC),
        aware(ended_at),
        kind,
        message,
    )
