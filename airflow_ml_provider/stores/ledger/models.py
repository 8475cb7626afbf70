"""The ledger's records on models, in SQL: trainings, verdicts, marks, aliases, pins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.staleness import Mark, Snapshot
from airflow_ml_provider.domain.training import Judgement, Pin, Stage, Training
from airflow_ml_provider.stores.connection.session import DuplicateKeyError, Row, Session
from airflow_ml_provider.stores.ledger import records
from airflow_ml_provider.stores.ledger.lines import aware, naive

_TRAINING = "model, train_key, as_of, cause, stage, snapshot, metrics, verdict"
_PIN = "run_id, model, version, inputs, chunks, reason"


def stage_rank(stage: Stage) -> int:
    """Return how far a stage is; promoted and kept are the two ends of one road."""
    order = {Stage.BUILT: 0, Stage.REGISTERED: 1, Stage.EVALUATED: 2}
    return order.get(stage, 3)


def save_training(session: Session, training: Training) -> None:
    """Insert or replace a training; a line that got further already is left alone."""
    records.put(
        session,
        "ml_training",
        {"model": training.model, "train_key": training.train_key},
        {
            "as_of": naive(training.as_of),
            "cause": training.cause,
            "stage": str(training.stage),
            "stage_rank": stage_rank(training.stage),
            "snapshot": _snapshot_text(training.snapshot),
            "metrics": json.dumps(dict(training.metrics)),
            "verdict": training.verdict,
        },
        only_if="stage_rank <= :stage_rank",
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
    records.put(
        session,
        "ml_judgement",
        {"model": judgement.model, "as_of": naive(judgement.as_of)},
        {
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "train_key": judgement.train_key,
            "trains": judgement.trains,
            "judged_at": naive(judgement.at),
        },
    )


def judgements(session: Session, model: str) -> Sequence[Judgement]:
    """Return every verdict on a model, by as-of time."""
    rows = session.execute(
        "SELECT model, as_of, verdict, reason, train_key, trains, judged_at FROM ml_judgement "
        "WHERE model = $1 ORDER BY as_of",
        (model,),
    )
    return [
        Judgement(model, aware(as_of), verdict, reason, train_key, bool(trains), aware(at))
        for model, as_of, verdict, reason, train_key, trains, at in rows
    ]


def mark_stale(session: Session, model: str, mark: Mark) -> None:
    """Keep a mark."""
    facts: records.Facts = {
        "model": model,
        "reason": mark.reason,
        "who": mark.who,
        "marked_at": naive(mark.at),
        "answered": False,
    }
    records.noted(session, "ml_stale_mark", facts)


def stale_mark(session: Session, model: str) -> Mark | None:
    """Return the newest mark without an answer."""
    rows = session.execute(
        "SELECT reason, who, marked_at FROM ml_stale_mark WHERE model = $1 AND answered = $2 "
        "ORDER BY marked_at DESC",
        (model, False),
    )
    return Mark(rows[0][0], rows[0][1], aware(rows[0][2])) if rows else None


def answer_marks(session: Session, model: str, until: datetime) -> None:
    """Answer the marks made up to ``until``."""
    session.change(
        "UPDATE ml_stale_mark SET answered = $3 WHERE model = $1 AND marked_at <= $2",
        (model, naive(until), True),
    )


def move_alias(session: Session, model: str, alias: str, reign: Reign, expected: int) -> bool:
    """Set an alias inside the running transaction, if its epoch is the expected one."""
    key: records.Facts = {"model": model, "alias": alias}
    news: records.Facts = {"epoch": reign.epoch, "version": reign.version}
    if expected == 0:
        moved = records.added(session, "ml_alias", {**key, **news})
    else:
        # The old epoch is bound under another name: the new one has its own.
        moved = records.changed(session, "ml_alias", key, news, only_if=f"epoch = {int(expected)}")
    if moved:
        _crown(session, {**key, **news}, reign)
    return moved


def crowned(session: Session, model: str, alias: str, reign: Reign, expected: int) -> bool:
    """
    Set an alias by statements of which each stands for itself, if its epoch is the expected one.

    The reign counts: of two for one epoch the second is refused, and the alias follows it.
    """
    key: records.Facts = {"model": model, "alias": alias}
    rows = session.execute(
        "SELECT max(epoch) FROM ml_reign WHERE model = $1 AND alias = $2", tuple(key.values())
    )
    news: records.Facts = {"epoch": reign.epoch, "version": reign.version}
    if (rows[0][0] or 0) != expected:
        return False
    try:
        mine = records.added(session, "ml_reign", {**key, **news, **_circumstances(reign)})
    except DuplicateKeyError:
        return False
    if mine:
        records.put(session, "ml_alias", key, news, only_if="epoch < :epoch")
    return mine


def _crown(session: Session, entry: records.Facts, reign: Reign) -> None:
    records.noted(session, "ml_reign", {**entry, **_circumstances(reign)})


def _circumstances(reign: Reign) -> records.Facts:
    return {
        "since": naive(reign.since),
        "moved_at": naive(reign.at),
        "given_by": reign.by,
        "reason": reign.reason,
    }


def reigns(session: Session, model: str, alias: str) -> Sequence[Reign]:
    """Return the history of an alias, oldest first."""
    rows = session.execute(
        "SELECT epoch, version, since, moved_at, given_by, reason FROM ml_reign "
        "WHERE model = $1 AND alias = $2 ORDER BY epoch",
        (model, alias),
    )
    return [
        Reign(epoch, version, aware(since), aware(at), by, reason)
        for epoch, version, since, at, by, reason in rows
    ]


def pin(session: Session, wanted: Pin) -> Pin:
    """Keep a pin unless there is one, and return the one that holds."""
    facts: records.Facts = {
        "run_id": wanted.run_id,
        "model": wanted.model,
        "version": wanted.version,
        "inputs": json.dumps(dict(wanted.inputs), sort_keys=True),
        "chunks": wanted.chunks,
        "reason": wanted.reason,
    }
    if records.added(session, "ml_pin", facts):
        session.change(
            f"UPDATE ml_pin SET pinned_at = {session.dialect.now} WHERE run_id = $1 AND model = $2",
            (wanted.run_id, wanted.model),
        )
    run_id, model, version, text, chunks, reason = session.execute(
        f"SELECT {_PIN} FROM ml_pin WHERE run_id = $1 AND model = $2",
        (wanted.run_id, wanted.model),
    )[0]
    return Pin(run_id, model, version, json.loads(text), chunks, reason)


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
        aware(as_of),
        cause,
        Stage(stage),
        json.loads(metrics),
        verdict,
    )
