"""The tables of the ledger, and how they come to be, once, whoever asks first."""

from __future__ import annotations

import time

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.session import ConflictError, Session

VERSION = 1

# Times are in UTC, without a zone. Text in JSON is kept as text: every engine has that.
_PARTITION = """
    table_schema TEXT NOT NULL,
    table_name TEXT NOT NULL,
    partition_key TEXT NOT NULL,
    token BIGINT NOT NULL,
    owner TEXT NOT NULL,
    claimed_at TIMESTAMP NOT NULL,
    committed_token BIGINT,
    committed_at TIMESTAMP,
    changed_token BIGINT,
    changed_at TIMESTAMP,
    published_token BIGINT,
    window_start TIMESTAMP,
    window_end TIMESTAMP,
    row_count BIGINT,
    content_hash TEXT,
    schema_hash TEXT,
    code TEXT,
    params TEXT,
    inputs TEXT"""
_TABLES = {
    "ml_partition": f"{_PARTITION}, PRIMARY KEY (table_schema, table_name, partition_key)",
    "ml_history": """
    table_schema TEXT NOT NULL, table_name TEXT NOT NULL, partition_key TEXT NOT NULL,
    token BIGINT NOT NULL, owner TEXT NOT NULL, change TEXT NOT NULL, reason TEXT NOT NULL,
    committed_at TIMESTAMP NOT NULL, row_count BIGINT, content_hash TEXT, schema_hash TEXT,
    code TEXT, params TEXT, inputs TEXT""",
    "ml_training": """
    model TEXT NOT NULL, train_key TEXT NOT NULL, as_of TIMESTAMP NOT NULL, cause TEXT NOT NULL,
    stage TEXT NOT NULL, stage_rank BIGINT NOT NULL, snapshot TEXT NOT NULL, metrics TEXT NOT NULL,
    verdict TEXT, PRIMARY KEY (model, train_key)""",
    "ml_judgement": """
    model TEXT NOT NULL, as_of TIMESTAMP NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
    train_key TEXT NOT NULL, trains BOOLEAN NOT NULL, judged_at TIMESTAMP NOT NULL,
    PRIMARY KEY (model, as_of)""",
    "ml_stale_mark": """
    model TEXT NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL, marked_at TIMESTAMP NOT NULL,
    answered BOOLEAN NOT NULL""",
    "ml_alias": """
    model TEXT NOT NULL, alias TEXT NOT NULL, epoch BIGINT NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (model, alias)""",
    "ml_reign": """
    model TEXT NOT NULL, alias TEXT NOT NULL, epoch BIGINT NOT NULL, version TEXT NOT NULL,
    since TIMESTAMP NOT NULL, moved_at TIMESTAMP NOT NULL, given_by TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (model, alias, epoch)""",
    "ml_pin": """
    run_id TEXT NOT NULL, model TEXT NOT NULL, version TEXT, inputs TEXT NOT NULL,
    chunks BIGINT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (run_id, model)""",
    "ml_lease": """
    model TEXT NOT NULL, train_key TEXT NOT NULL, holder TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL, version TEXT, PRIMARY KEY (model, train_key)""",
    "ml_attempt": """
    dag_id TEXT NOT NULL, run_id TEXT NOT NULL, task_id TEXT NOT NULL, map_index BIGINT NOT NULL,
    try_number BIGINT NOT NULL, subject TEXT NOT NULL, started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP, failure_class TEXT, message TEXT,
    PRIMARY KEY (dag_id, run_id, task_id, map_index, try_number)""",
    "ml_ledger_version": "version BIGINT NOT NULL PRIMARY KEY",
}


def ensure(session: Session) -> None:
    """
    Create the ledger's tables when they are missing; any number of processes may do so at once.

    :raises ConfigurationError: when the ledger was made by a newer release.
    """
    pause = 0.01
    while True:
        try:
            return _ensure(session)
        except ConflictError:
            session.rollback()
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def _ensure(session: Session) -> None:
    if not session.columns(TableName(None, "ml_ledger_version")):
        session.begin()
        try:
            session.exclusive("ml_ledger")
            _create(session)
            session.commit()
        except BaseException:
            session.rollback()
            raise
    _refuse_newer(session)


def _create(session: Session) -> None:
    if session.columns(TableName(None, "ml_ledger_version")):
        return
    for name, columns in _TABLES.items():
        session.execute(f"CREATE TABLE {name} ({columns})")
    session.execute("INSERT INTO ml_ledger_version (version) VALUES ($1)", (VERSION,))


def _refuse_newer(session: Session) -> None:
    found = session.execute("SELECT max(version) FROM ml_ledger_version")[0][0]
    if found is not None and found > VERSION:
        msg = (
            f"The ledger in {session.address} has version {found}, this release knows up to "
            f"{VERSION}. Nothing was read or written. Upgrade airflow-ml-provider."
        )
        raise ConfigurationError(msg)
