"""The tables of the ledger, and how they come to be, once, whoever asks first."""

from __future__ import annotations

import re
import time

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import ConflictError, DuplicateKeyError, Session

VERSION = 1

# Times are in UTC, without a zone. Text in JSON is kept as text: every engine has that. The words
# in braces are the dialect's: some engines find keys only by text of a limited length. A version
# is that of the rows which readers see, where a table keeps several; elsewhere it is NULL.
_PARTITION = """
    table_schema {table} NOT NULL,
    table_name {table} NOT NULL,
    partition_key {key} NOT NULL,
    token {whole} NOT NULL,
    owner {text} NOT NULL,
    claimed_at {moment} NOT NULL,
    committed_token {whole},
    committed_at {moment},
    changed_token {whole},
    changed_at {moment},
    published_token {whole},
    window_start {moment},
    window_end {moment},
    row_count {whole},
    content_hash {text},
    schema_hash {text},
    code {text},
    params {text},
    inputs {text},
    version {whole}"""
_TABLES = {
    "ml_partition": f"{_PARTITION}, PRIMARY KEY (table_schema, table_name, partition_key)",
    "ml_history": """
    table_schema {table} NOT NULL, table_name {table} NOT NULL, partition_key {key} NOT NULL,
    token {whole} NOT NULL, owner {text} NOT NULL, "change" {text} NOT NULL,
    reason {text} NOT NULL, committed_at {moment} NOT NULL, row_count {whole},
    content_hash {text}, schema_hash {text}, code {text}, params {text}, inputs {text}""",
    "ml_training": """
    model {name} NOT NULL, train_key {name} NOT NULL, as_of {moment} NOT NULL,
    cause {text} NOT NULL, stage {text} NOT NULL, stage_rank {whole} NOT NULL,
    snapshot {text} NOT NULL, metrics {text} NOT NULL, verdict {text},
    PRIMARY KEY (model, train_key)""",
    "ml_judgement": """
    model {name} NOT NULL, as_of {moment} NOT NULL, verdict {text} NOT NULL,
    reason {text} NOT NULL, train_key {text} NOT NULL, trains {flag} NOT NULL,
    judged_at {moment} NOT NULL, PRIMARY KEY (model, as_of)""",
    "ml_stale_mark": """
    model {name} NOT NULL, reason {text} NOT NULL, who {text} NOT NULL,
    marked_at {moment} NOT NULL, answered {flag} NOT NULL""",
    "ml_alias": """
    model {name} NOT NULL, alias {name} NOT NULL, epoch {whole} NOT NULL, version {text} NOT NULL,
    PRIMARY KEY (model, alias)""",
    "ml_reign": """
    model {name} NOT NULL, alias {name} NOT NULL, epoch {whole} NOT NULL, version {text} NOT NULL,
    since {moment} NOT NULL, moved_at {moment} NOT NULL, given_by {text} NOT NULL,
    reason {text} NOT NULL, PRIMARY KEY (model, alias, epoch)""",
    "ml_pin": """
    run_id {key} NOT NULL, model {name} NOT NULL, version {text}, inputs {text} NOT NULL,
    chunks {whole} NOT NULL, reason {text} NOT NULL, PRIMARY KEY (run_id, model)""",
    "ml_lease": """
    model {name} NOT NULL, train_key {name} NOT NULL, holder {text} NOT NULL,
    expires_at {moment} NOT NULL, version {text}, PRIMARY KEY (model, train_key)""",
    "ml_attempt": """
    dag_id {name} NOT NULL, run_id {name} NOT NULL, task_id {name} NOT NULL,
    map_index {whole} NOT NULL, try_number {whole} NOT NULL, subject {text} NOT NULL,
    started_at {moment} NOT NULL, ended_at {moment}, failure_class {text}, message {text},
    PRIMARY KEY (dag_id, run_id, task_id, map_index, try_number)""",
    # The last one: where it is, the others are.
    "ml_ledger_version": "version {whole} NOT NULL PRIMARY KEY",
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
        except (ConflictError, DuplicateKeyError):
            session.rollback()
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def _ensure(session: Session) -> None:
    if not _is_there(session, "ml_ledger_version"):
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
    types = session.dialect.ledger_types
    for name, columns in _TABLES.items():
        # Where DDL commits by itself, one that was killed here has left some of them.
        if not _is_there(session, name):
            session.execute(f"CREATE TABLE {name} ({columns.format_map(types)})")
    session.added("INSERT INTO ml_ledger_version (version) VALUES ($1)", (VERSION,))


def _is_there(session: Session, name: str) -> bool:
    return bool(session.columns(TableName(None, name)))


def _refuse_newer(session: Session) -> None:
    found = session.execute("SELECT max(version) FROM ml_ledger_version")[0][0]
    if found is not None and found > VERSION:
        msg = (
            f"The ledger in {session.address} has version {found}, this release knows up to "
            f"{VERSION}. Nothing was read or written. Upgrade airflow-ml-provider."
        )
        raise ConfigurationError(msg)


def primary_key(table: str) -> tuple[str, ...]:
    """Return the columns of the primary key of one of the ledger's tables."""
    key = re.search(r"PRIMARY KEY \(([^)]*)\)", _TABLES[table])
    return tuple(key[1].split(", ")) if key else ("version",)
