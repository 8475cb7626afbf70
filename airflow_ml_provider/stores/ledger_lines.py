"""The ledger's lines on partitions, in SQL: claimed, locked, committed, read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from airflow_ml_provider.domain.ledger import Line, Owner, Recipe
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.session import Row, Session

_COLUMNS = (
    "table_schema, table_name, partition_key, token, owner, claimed_at, committed_token, "
    "committed_at, changed_token, changed_at, published_token, window_start, window_end, "
    "row_count, content_hash, schema_hash, code, params, inputs"
)
_HERE = "table_schema = $1 AND table_name = $2 AND partition_key = $3"


def naive(moment: datetime | None) -> datetime | None:
    """Return a moment as the ledger keeps it: UTC, without a zone (naive means UTC already)."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware(moment: datetime | None) -> datetime | None:
    """Return a moment of the ledger with its zone, UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def claimed(session: Session, table: TableName, key: str, owner: Owner, at: datetime) -> int:
    """Count the line's token up, in one statement, and return it."""
    rows = session.execute(
        "INSERT INTO ml_partition AS line "
        "(table_schema, table_name, partition_key, token, owner, claimed_at) "
        "VALUES ($1, $2, $3, 1, $4, $5) "
        "ON CONFLICT (table_schema, table_name, partition_key) DO UPDATE "
        "SET token = line.token + 1, owner = excluded.owner, claimed_at = excluded.claimed_at "
        "RETURNING token",
        (*_place(table, key), str(owner), naive(at)),
    )
    return int(rows[0][0])


def locked(session: Session, table: TableName, key: str) -> Line | None:
    """Return a line and hold it until the transaction ends: nobody else can claim or commit."""
    # An UPDATE and no SELECT FOR UPDATE: engines without row locks see a conflict this way.
    rows = session.execute(
        f"UPDATE ml_partition SET token = token WHERE {_HERE} RETURNING {_COLUMNS}",
        _place(table, key),
    )
    return _line(rows[0]) if rows else None


def read(session: Session, table: TableName, key: str) -> Line | None:
    """Return a line."""
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM ml_partition WHERE {_HERE}",
        _place(table, key),
    )
    return _line(rows[0]) if rows else None


def committed(
    session: Session, table: TableName, start: datetime | None, end: datetime | None
) -> Sequence[Line]:
    """Return the committed lines of a table whose window begins in ``[start, end)``."""
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM ml_partition WHERE table_schema = $1 AND table_name = $2 "
        "AND committed_token IS NOT NULL "
        "AND (CAST($3 AS TIMESTAMP) IS NULL OR window_start >= CAST($3 AS TIMESTAMP)) "
        "AND (CAST($4 AS TIMESTAMP) IS NULL OR window_start < CAST($4 AS TIMESTAMP)) "
        "ORDER BY window_start NULLS FIRST, partition_key",
        (table.schema or "", table.name, naive(start), naive(end)),
    )
    return [_line(row) for row in rows]


def written(session: Session, line: Line) -> bool:
    """Write the committed facts of ``line``, if its token is still the newest."""
    recipe = line.recipe or Recipe("", "")
    return bool(
        session.execute(
            "UPDATE ml_partition SET committed_token = $5, committed_at = $6, changed_token = $7, "
            "changed_at = $8, window_start = $9, window_end = $10, row_count = $11, "
            "content_hash = $12, schema_hash = $13, code = $14, params = $15, inputs = $16 "
            f"WHERE {_HERE} AND token = $4 RETURNING token",
            (
                *_place(line.table, line.key),
                line.token,
                line.committed_token,
                naive(line.committed_at),
                line.changed_token,
                naive(line.changed_at),
                naive(line.start),
                naive(line.end),
                line.rows,
                line.content_hash,
                line.schema_hash,
                recipe.code,
                recipe.params,
                json.dumps(dict(recipe.inputs), sort_keys=True),
            ),
        )
    )


def remembered(session: Session, line: Line, change: str, reason: str) -> None:
    """Add a commit to the history, which is never changed."""
    recipe = line.recipe or Recipe("", "")
    session.change(
        "INSERT INTO ml_history (table_schema, table_name, partition_key, token, owner, change, "
        "reason, committed_at, row_count, content_hash, schema_hash, code, params, inputs) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        (
            *_place(line.table, line.key),
            line.token,
            line.owner,
            change,
            reason,
            naive(line.committed_at),
            line.rows,
            line.content_hash,
            line.schema_hash,
            recipe.code,
            recipe.params,
            json.dumps(dict(recipe.inputs), sort_keys=True),
        ),
    )


def published(session: Session, table: TableName, key: str, token: int) -> None:
    """Note the newest change that downstream was told of."""
    session.change(
        f"UPDATE ml_partition SET published_token = $4 WHERE {_HERE} "
        "AND coalesce(published_token, 0) < $4",
        (*_place(table, key), token),
    )


def forgotten(session: Session, table: TableName) -> None:
    """Delete every line on a table, and its history."""
    for ledger in ("ml_partition", "ml_history"):
        session.change(
            f"DELETE FROM {ledger} WHERE table_schema = $1 AND table_name = $2",
            (table.schema or "", table.name),
        )


def _place(table: TableName, key: str) -> tuple[str, str, str]:
    return table.schema or "", table.name, key


def _line(row: Row) -> Line:
    schema, name, key, token, owner, claimed_at, *rest = row
    (commit, commit_at, change, change_at, publish, start, end, rows, content, shape, *made) = rest
    code, params, inputs = made
    return Line(
        TableName(schema or None, name),
        key,
        token,
        owner,
        claimed_at.replace(tzinfo=UTC),
        commit,
        aware(commit_at),
        change,
        aware(change_at),
        publish,
        aware(start),
        aware(end),
        rows,
        content,
        shape,
        None if code is None else Recipe(code, params, json.loads(inputs)),
    )
