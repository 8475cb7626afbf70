"""The ledger's records on models, in SQL: trainings, verdicts, marks, aliases, pins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.staleness import Mark, Snapshot
from airflow_ml_provider.domain.training import Judgement, Pin, Stage, Training
from airflow_ml_provider.stores.ledger_lines import naive
from airflow_ml_provider.stores.session import Row, Session

_TRAINING = "model, train_key, as_of, cause, stage, snapshot, metrics, verdict"
_PIN = "run_id, model, version, inputs, chunks, reason"


def stage_rank(stage: Stage) -> int:
    """Return how far a stage is; promoted and kept are the two ends of one road."""
    order = {Stage.BUILT: 0, Stage.REGISTERED: 1, Stage.EVALUATED: 2}
    return order.get(stage, 3)


def save_training(session: Session, training: Training) -> None:
    """Insert or replace a training; a line that got further already is left alone."""
    session.change(
        f"INSERT INTO ml_training AS line ({_TRAINING}, stage_rank) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "ON CONFLICT (model, train_key) DO UPDATE SET as_of = excluded.as_of, "
        "cause = excluded.cause, stage = excluded.stage, snapshot = excluded.snapshot, "
        "metrics = excluded.metrics, verdict = excluded.verdict, "
        "stage_rank = excluded.stage_rank WHERE line.stage_rank <= excluded.stage_rank",
        (
            training.model,
            training.train_key,
            naive(training.as_of),
            training.cause,
            str(training.stage),
            _snapshot_text(training.snapshot),
            json.dumps(dict(training.metrics)),
            training.verdict,
            stage_rank(training.stage),
        ),
    )


def training(session: Session, model: str, train_key: str) -> Training | None:
    """Return the line of one train key."""
    rows = session.execute(
        f"SELECT {_TRAINING} FROM ml_training WHERE model = $1 AND train_key = $2",
        (model, train_key),
    )
    return _training(rows[0]) if rows else None


def trainings(session: Session, model: str) -> Sequence[Training]:
    """Return every training of a model, by as-of time."""
    rows = session.execute(
        f"SELECT {_TRAINING} FROM ml_training WHERE model = $1 ORDER BY as_of, train_key",
        (model,),
    )
    return [_training(row) for row in rows]


def record_judgement(session: Session, judgement: Judgement) -> None:
    """Keep a verdict; the latest of an as-of time counts."""
    session.change(
        "INSERT INTO ml_judgement (model, as_of, verdict, reason, train_key, trains, judged_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (model, as_of) DO UPDATE "
        "SET verdict = excluded.verdict, reason = excluded.reason, "
        "train_key = excluded.train_key, trains = excluded.trains, judged_at = excluded.judged_at",
        (
            judgement.model,
            naive(judgement.as_of),
            judgement.verdict,
            judgement.reason,
            judgement.train_key,
            judgement.trains,
            naive(judgement.at),
        ),
    )


def judgements(session: Session, model: str) -> Sequence[Judgement]:
    """Return every verdict on a model, by as-of time."""
    rows = session.execute(
        "SELECT model, as_of, verdict, reason, train_key, trains, judged_at FROM ml_judgement "
        "WHERE model = $1 ORDER BY as_of",
        (model,),
    )
    return [
        Judgement(model, _utc(as_of), verdict, reason, train_key, bool(trains), _utc(at))
        for model, as_of, verdict, reason, train_key, trains, at in rows
    ]


def mark_stale(session: Session, model: str, mark: Mark) -> None:
    """Keep a mark."""
    session.change(
        "INSERT INTO ml_stale_mark (model, reason, who, marked_at, answered) "
        "VALUES ($1, $2, $3, $4, FALSE)",
        (model, mark.reason, mark.who, naive(mark.at)),
    )


def stale_mark(session: Session, model: str) -> Mark | None:
    """Return the newest mark without an answer."""
    rows = session.execute(
        "SELECT reason, who, marked_at FROM ml_stale_mark WHERE model = $1 AND NOT answered "
        "ORDER BY marked_at DESC LIMIT 1",
        (model,),
    )
    return Mark(rows[0][0], rows[0][1], _utc(rows[0][2])) if rows else None


def answer_marks(session: Session, model: str, until: datetime) -> None:
    """Answer the marks made up to ``until``."""
    session.change(
        "UPDATE ml_stale_mark SET answered = TRUE WHERE model = $1 AND marked_at <= $2 AND NOT answered",
        (model, naive(until)),
    )


def move_alias(session: Session, model: str, alias: str, reign: Reign, expected: int) -> bool:
    """Set an alias inside the running transaction, if its epoch is the expected one."""
    values = (model, alias, reign.epoch, reign.version)
    if expected == 0:
        moved = session.execute(
            "INSERT INTO ml_alias (model, alias, epoch, version) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (model, alias) DO NOTHING RETURNING epoch",
            values,
        )
    else:
        moved = session.execute(
            "UPDATE ml_alias SET epoch = $3, version = $4 "
            "WHERE model = $1 AND alias = $2 AND epoch = $5 RETURNING epoch",
            (*values, expected),
        )
    if moved:
        _crown(session, model, alias, reign)
    return bool(moved)


def _crown(session: Session, model: str, alias: str, reign: Reign) -> None:
    session.change(
        "INSERT INTO ml_reign (model, alias, epoch, version, since, moved_at, given_by, reason) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        (
            model,
            alias,
            reign.epoch,
            reign.version,
            naive(reign.since),
            naive(reign.at),
            reign.by,
            reign.reason,
        ),
    )


def reigns(session: Session, model: str, alias: str) -> Sequence[Reign]:
    """Return the history of an alias, oldest first."""
    rows = session.execute(
        "SELECT epoch, version, since, moved_at, given_by, reason FROM ml_reign "
        "WHERE model = $1 AND alias = $2 ORDER BY epoch",
        (model, alias),
    )
    return [
        Reign(epoch, version, _utc(since), _utc(at), by, reason)
        for epoch, version, since, at, by, reason in rows
    ]


def pin(session: Session, wanted: Pin) -> Pin:
    """Keep a pin unless there is one, and return the one that holds."""
    inputs = json.dumps(dict(wanted.inputs), sort_keys=True)
    session.change(
        f"INSERT INTO ml_pin ({_PIN}) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (run_id, model) DO NOTHING",
        (wanted.run_id, wanted.model, wanted.version, inputs, wanted.chunks, wanted.reason),
    )
    run_id, model, version, text, chunks, reason = session.execute(
        f"SELECT {_PIN} FROM ml_pin WHERE run_id = $1 AND model = $2",
        (wanted.run_id, wanted.model),
    )[0]
    return Pin(run_id, model, version, json.loads(text), chunks, reason)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _snapshot_text(snapshot: Snapshot) -> str:
    facts: dict[str, Any] = asdict(snapshot)
    for name in ("data_start", "data_end"):
        facts[name] = facts[name].isoformat()
    return json.dumps(facts, sort_keys=True)


def forget_model(session: Session, model: str) -> None:
    """Delete every record on a model."""
    for table in ("training", "judgement", "stale_mark", "alias", "reign", "lease"):
        session.change(f"DELETE FROM ml_{table} WHERE model = $1", (model,))


def forget_run(session: Session, run_id: str) -> None:
    """Delete the pins of a run."""
    session.change("DELETE FROM ml_pin WHERE run_id = $1", (run_id,))


def _training(row: Row) -> Training:
    model, train_key, as_of, cause, stage, snapshot, metrics, verdict = row
    facts = json.loads(snapshot)
    for name in ("data_start", "data_end"):
        facts[name] = datetime.fromisoformat(facts[name])
    return Training(
        model,
        train_key,
        Snapshot(**facts),
        _utc(as_of),
        cause,
        Stage(stage),
        json.loads(metrics),
        verdict,
    )
