"""The ledger's garbage, in SQL: records that are old and that no rule and no question needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_ml_provider.domain.retention import STAGING_SUFFIX, Garbage
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import Session, in_transaction
from airflow_ml_provider.stores.ledger.lines import aware, naive

_STEP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which records of a table go: those whose ``moment`` is early, where ``also`` holds."""

    what: str
    table: str
    moment: str
    also: str


# Never in question: lines of partitions, trainings, reigns, and verdicts that led to a training.
_RULES = (
    _Rule(
        "lines of history",
        "ml_history",
        "committed_at",
        "NOT EXISTS (SELECT 1 FROM ml_partition AS line WHERE "
        "line.table_schema = ml_history.table_schema AND line.table_name = ml_history.table_name "
        "AND line.partition_key = ml_history.partition_key AND "
        "(line.committed_token = ml_history.token OR line.changed_token = ml_history.token))",
    ),
    _Rule("answered marks", "ml_stale_mark", "marked_at", "answered = TRUE"),
    _Rule("pins of old runs", "ml_pin", "pinned_at", "1 = 1"),
    _Rule(
        "leases",
        "ml_lease",
        "expires_at",
        "(version IS NULL OR EXISTS (SELECT 1 FROM ml_training AS done WHERE "
        "done.model = ml_lease.model AND done.train_key = ml_lease.train_key "
        "AND done.stage_rank = 3))",
    ),
)


def collected(session: Session, before: datetime, *, dry_run: bool) -> Iterator[Garbage]:
    """Delete records from before a moment, in short transactions, or only count them."""
    for rule in _RULES:
        yield Garbage(rule.what, _collected(session, rule, before, dry_run=dry_run))
    yield Garbage("verdicts", _verdicts(session, before, dry_run=dry_run))
    yield Garbage("attempts", _attempts(session, before, dry_run=dry_run))


def _collected(session: Session, rule: _Rule, before: datetime, *, dry_run: bool) -> int:
    where = f"{rule.moment} < $1 AND {rule.also}"
    look = f"SELECT count(*), min({rule.moment}) FROM {rule.table} WHERE {where}"
    count, oldest = session.execute(look, (naive(before),))[0]
    text = f"DELETE FROM {rule.table} WHERE {where}"
    while oldest is not None and not dry_run:
        _changed(session, text, (naive(min(aware(oldest) + _STEP, before)),))
        oldest = session.execute(look, (naive(before),))[0][1]
    return int(count)


def _verdicts(session: Session, before: datetime, *, dry_run: bool) -> int:
    """Collect verdicts that nothing was to be done, but for the newest of each model."""
    newest = session.execute("SELECT model, max(as_of) FROM ml_judgement GROUP BY model")
    where = "model = $1 AND as_of < $2 AND judged_at < $3 AND trains = $4"
    found = 0
    for model, as_of in newest:
        values = (model, naive(aware(as_of)), naive(before), False)
        text = f"SELECT count(*) FROM ml_judgement WHERE {where}"
        found += int(session.execute(text, values)[0][0])
        if not dry_run:
            _changed(session, f"DELETE FROM ml_judgement WHERE {where}", values)
    return found


def _attempts(session: Session, before: datetime, *, dry_run: bool) -> int:
    """Collect the tries of runs, but for those to which a partition of today belongs."""
    owners = session.execute("SELECT DISTINCT owner FROM ml_partition")
    needed = {owner.rpartition("/")[0] for (owner,) in owners}
    runs = session.execute(
        "SELECT dag_id, run_id, count(*) FROM ml_attempt GROUP BY dag_id, run_id "
        "HAVING max(started_at) < $1",
        (naive(before),),
    )
    old = [run for run in runs if f"{run[0]}/{run[1]}" not in needed]
    for dag_id, run_id, _ in old if not dry_run else ():
        _changed(
            session, "DELETE FROM ml_attempt WHERE dag_id = $1 AND run_id = $2", (dag_id, run_id)
        )
    return sum(int(count) for *_, count in old)


def abandoned(session: Session, before: datetime) -> Sequence[tuple[TableName, str]]:
    """Return the chunks on staging tables whose newest claim is from before a moment."""
    rows = session.execute(
        "SELECT table_schema, table_name, partition_key FROM ml_partition WHERE claimed_at < $1 "
        "ORDER BY table_schema, table_name, partition_key",
        (naive(before),),
    )
    return [
        (TableName(schema or None, name), key)
        for schema, name, key in rows
        if name.endswith(STAGING_SUFFIX)
    ]


@dataclass(frozen=True, slots=True)
class Silent:
    """A line of which nothing was heard for long; ``settled``: its newest claim has committed."""

    table: TableName
    key: str
    token: int
    settled: bool
    version: int | None


def silent(session: Session, before: datetime) -> Sequence[Silent]:
    """Return the lines of tables that were neither claimed nor committed since a moment."""
    rows = session.execute(
        "SELECT table_schema, table_name, partition_key, token, committed_token, version "
        "FROM ml_partition WHERE claimed_at < $1 AND (committed_at IS NULL OR committed_at < $1) "
        "ORDER BY table_schema, table_name, partition_key",
        (naive(before),),
    )
    return [
        Silent(TableName(schema or None, name), key, token, committed == token, version)
        for schema, name, key, token, committed, version in rows
        if not name.endswith(STAGING_SUFFIX)
    ]


def tables(session: Session) -> Sequence[TableName]:
    """Return every table of which the ledger has lines."""
    rows = session.execute(
        "SELECT DISTINCT table_schema, table_name FROM ml_partition "
        "ORDER BY table_schema, table_name"
    )
    return [TableName(schema or None, name) for schema, name in rows]


def dropped(session: Session, table: TableName, key: str, before: datetime) -> bool:
    """
    Delete a line whose newest claim is from before a moment, in the running transaction.

    A claim that was made meanwhile keeps it; who claimed long ago and still runs finds it gone.
    """
    return bool(
        session.change(
            "DELETE FROM ml_partition WHERE table_schema = $1 AND table_name = $2 "
            "AND partition_key = $3 AND claimed_at < $4",
            (table.schema or "", table.name, key, naive(before)),
        )
    )


def _changed(session: Session, text: str, values: tuple[object, ...]) -> None:
    in_transaction(session, lambda: session.change(text, values))
