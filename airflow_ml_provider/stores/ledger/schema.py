"""The tables of the ledger: how they come to be and are upgraded, once, whoever asks first."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import ConflictError, DuplicateKeyError, Session
from airflow_ml_provider.stores.connection.statement import column_list

VERSION = 2

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
_HISTORY = """
    table_schema {table} NOT NULL, table_name {table} NOT NULL, partition_key {key} NOT NULL,
    token {whole} NOT NULL, owner {text} NOT NULL, "change" {text} NOT NULL,
    reason {text} NOT NULL, committed_at {moment} NOT NULL, row_count {whole},
    content_hash {text}, schema_hash {text}, code {text}, params {text}, inputs {text},
    ledger_version {whole} NOT NULL"""
_TABLES = {
    "ml_partition": f"{_PARTITION}, PRIMARY KEY (table_schema, table_name, partition_key)",
    "ml_history": _HISTORY,
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
    chunks {whole} NOT NULL, reason {text} NOT NULL, pinned_at {moment},
    PRIMARY KEY (run_id, model)""",
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
    Create the ledger's tables, or upgrade them; any number of processes may do so at once.

    :raises ConfigurationError: when the ledger is one of a newer release.
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
    if not _is_made(session):
        _alone(session, _create)
    if _found(session) < VERSION:
        _alone(session, _upgrade)
    require_known(session)


def _alone(session: Session, work: Callable[[Session], None]) -> None:
    session.begin()
    try:
        session.exclusive("ml_ledger")
        work(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _create(session: Session) -> None:
    if _is_made(session):
        return  # another process was first
    types = session.dialect.ledger_types
    for name, columns in _TABLES.items():
        # Where DDL commits by itself, one that was killed here has left some of them.
        if not _is_there(session, name):
            session.execute(f"CREATE TABLE {name} ({columns.format_map(types)})")
    _note(session, VERSION)


def _upgrade(session: Session) -> None:
    """
    Take the ledger from its version to ours, one step after the other.

    Every line is held first. So whoever writes a partition at this moment has committed before,
    or finds the new version when he gets his line, and stops.
    """
    session.change("UPDATE ml_partition SET token = token")
    for version in range(_found(session) + 1, VERSION + 1):
        _STEPS[version](session)
        _note(session, version)


def _note(session: Session, version: int) -> None:
    session.added("INSERT INTO ml_ledger_version (version) VALUES ($1)", (version,))


def _is_there(session: Session, name: str) -> bool:
    return bool(session.columns(TableName(None, name)))


def _is_made(session: Session) -> bool:
    """Whether the ledger is there, whole: who makes it notes its version at last."""
    return _is_there(session, "ml_ledger_version") and _found(session) > 0


def _found(session: Session) -> int:
    return int(session.execute("SELECT max(version) FROM ml_ledger_version")[0][0] or 0)


def require_known(session: Session) -> None:
    """
    Return when the ledger has the version that this release knows; each write asks for it.

    :raises ConfigurationError: when it was upgraded by a newer release, perhaps just now.
    """
    found = _found(session)
    if found > VERSION:
        msg = (
            f"The ledger in {session.address} has version {found}, this release knows up to "
            f"{VERSION}. Nothing was written. Upgrade airflow-ml-provider."
        )
        raise ConfigurationError(msg)


def _to_2(session: Session) -> None:
    """
    Let a commit note its version, a pin its time, and a line the version of its rows.

    The version must be given: so a process of the first release, which looks at the version only
    when it starts, cannot commit any more. No engine but some can add such a column to a table
    that has rows, so the history is copied.
    """
    types = session.dialect.ledger_types
    if "ledger_version" not in _columns(session, "ml_history"):
        # What an upgrade that was killed has left, where DDL commits by itself.
        if _is_there(session, "ml_history_2") and _is_there(session, "ml_history"):
            session.execute("DROP TABLE ml_history_2")
        if _is_there(session, "ml_history"):
            old = column_list(_columns(session, "ml_history"))
            session.execute(f"CREATE TABLE ml_history_2 ({_HISTORY.format_map(types)})")
            session.change(
                f"INSERT INTO ml_history_2 ({old}, ledger_version) SELECT {old}, 1 FROM ml_history"
            )
            session.execute("DROP TABLE ml_history")
        session.execute("ALTER TABLE ml_history_2 RENAME TO ml_history")
    if "pinned_at" not in _columns(session, "ml_pin"):
        session.execute(f"ALTER TABLE ml_pin ADD COLUMN pinned_at {types['moment']}")
    if "version" not in _columns(session, "ml_partition"):
        session.execute(f"ALTER TABLE ml_partition ADD COLUMN version {types['whole']}")


def _columns(session: Session, name: str) -> list[str]:
    return [column.name for column in session.columns(TableName(None, name))]


_STEPS: Mapping[int, Callable[[Session], None]] = {2: _to_2}


def primary_key(table: str) -> tuple[str, ...]:
    """Return the columns of the primary key of one of the ledger's tables."""
    key = re.search(r"PRIMARY KEY \(([^)]*)\)", _TABLES[table])
    return tuple(key[1].split(", ")) if key else ("version",)
