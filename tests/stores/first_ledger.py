"""The first ledger, made and written by the statements of the release that had it."""

from __future__ import annotations

from typing import Any

# Times are in UTC, without a zone. Text in JSON is kept as text: every engine has that. The words
# in braces are the dialect's: some engines find keys only by text of a limited length.
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
    inputs {text}"""
TABLES = {
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
    "ml_ledger_version": "version {whole} NOT NULL PRIMARY KEY",
}


def make(session: Any) -> None:
    """Make a ledger of version 1 with one committed partition and one pin."""
    types = session.dialect.ledger_types
    session.begin()
    for name, columns in TABLES.items():
        session.execute(f"CREATE TABLE {name} ({columns.format_map(types)})")
    session.added("INSERT INTO ml_ledger_version (version) VALUES ($1)", (1,))
    session.change(
        "INSERT INTO ml_partition (table_schema, table_name, partition_key, token, owner, "
        "claimed_at, committed_token, committed_at, row_count, content_hash, code, params, inputs) "
        "VALUES ('lab', 'readings', '2024-01-05', 3, 'dag/run/task#1', '2024-01-05 06:00:00', 3, "
        "'2024-01-05 06:00:00', 7, 'hash', 'code', 'params', '{}')"
    )
    remember(session, 3)
    session.change(
        "INSERT INTO ml_pin (run_id, model, version, inputs, chunks, reason) "
        "VALUES ('run', 'm', '1', '{}', 1, 'first')"
    )
    session.commit()


def remember(session: Any, token: int) -> None:
    """Add a commit to the history, as the first release does at the end of each write."""
    session.change(
        "INSERT INTO ml_history (table_schema, table_name, partition_key, token, owner, "
        '"change", reason, committed_at, row_count) VALUES '
        "('lab', 'readings', '2024-01-05', $1, 'dag/run/task#1', 'written', 'the first rows', "
        "'2024-01-05 06:00:00', 7)",
        (token,),
    )
