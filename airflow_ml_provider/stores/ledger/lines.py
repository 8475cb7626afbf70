"""The ledger's lines on partitions, in SQL: claimed, locked, committed, read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from airflow_ml_provider.domain.ledger import Line, Owner, Recipe
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import ConflictError, Row, Session
from airflow_ml_provider.stores.ledger import records, schema

_COLUMNS = (
    "table_schema, table_name, partition_key, token, owner, claimed_at, committed_token, "
    "committed_at, changed_token, changed_at, published_token, window_start, window_end, "
    "row_count, content_hash, schema_hash, code, params, inputs"
)
_OF_ROWS = (
    *("committed_token", "committed_at", "changed_token", "changed_at"),
    *("window_start", "window_end", "row_count", "content_hash", "schema_hash"),
    *("code", "params", "inputs"),
)
_HERE = "table_schema = $1 AND table_name = $2 AND partition_key = $3"


def naive(moment: datetime | None) -> datetime | None:
    """Return a moment as the ledger keeps it: UTC, without a zone (naive means UTC already)."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware(moment: datetime | str) -> datetime:
    """Return a moment of the ledger, which is text on some engines, with its zone, UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.replace(tzinfo=UTC)


def perhaps(moment: datetime | str | None) -> datetime | None:
    """Return a moment that may be missing, with its zone, UTC."""
    return None if moment is None else aware(moment)


def claimed(session: Session, table: TableName, key: str, owner: Owner | str, at: datetime) -> int:
    """Count the line's token up, in the running transaction, and return it."""
    place, mine = _place(table, key), (str(owner), naive(at))
    if not _counted(session, (*place, *mine)):
        facts: records.Facts = {"token": 0, "owner": mine[0], "claimed_at": mine[1]}
        records.added(session, "ml_partition", {**_key(table, key), **facts})
        if not _counted(session, (*place, *mine)):
            msg = f"The ledger's line on {table} {key} went away while it was claimed."
            raise ConflictError(msg)
    schema.require_known(session)
    return int(session.execute(f"SELECT token FROM ml_partition WHERE {_HERE}", place)[0][0])


def _counted(session: Session, values: tuple[object, ...]) -> int:
    return session.change(
        f"UPDATE ml_partition SET token = token + 1, owner = $4, claimed_at = $5 WHERE {_HERE}",
        values,
    )


def claimed_alone(
    session: Session, table: TableName, key: str, owner: Owner | str, at: datetime
) -> int:
    """
    Count the line's token up by one statement, and return it: on engines without transactions.

    Whoever finds the token changed since it was read looks again.
    """
    facts: records.Facts = {"owner": str(owner), "claimed_at": naive(at)}
    while True:
        line = read(session, table, key)
        token = 1 if line is None else line.token + 1
        here = _key(table, key)
        if line is None:
            mine = records.added(session, "ml_partition", {**here, "token": token, **facts})
        else:
            seen = f"token = {int(line.token)}"
            mine = records.changed(
                session, "ml_partition", here, {"token": token, **facts}, only_if=seen
            )
        if mine:
            schema.require_known(session)
            return token


def raised(session: Session, table: TableName, key: str, token: int) -> None:
    """Let the tokens of a line go on from ``token``, if they are not beyond it."""
    session.change(
        f"UPDATE ml_partition SET token = $4 WHERE {_HERE} AND token < $4",
        (*_place(table, key), token),
    )


def locked(session: Session, table: TableName, key: str) -> Line | None:
    """Return a line and hold it until the transaction ends: nobody else can claim or commit."""
    # An UPDATE and no SELECT FOR UPDATE: engines without row locks see a conflict this way.
    held = session.change(
        f"UPDATE ml_partition SET token = token WHERE {_HERE}", _place(table, key)
    )
    # Only now, since the ledger may have been upgraded while the line was waited for.
    schema.require_known(session)
    return read(session, table, key) if held else None


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
    wanted = ""
    values: list[object] = [table.schema or "", table.name]
    for sign, moment in ((">=", start), ("<", end)):
        if moment is not None:
            values.append(naive(moment))
            wanted += f"AND window_start {sign} ${len(values)} "
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM ml_partition WHERE table_schema = $1 AND table_name = $2 "
        f"AND committed_token IS NOT NULL {wanted}"
        "ORDER BY CASE WHEN window_start IS NULL THEN 0 ELSE 1 END, window_start, partition_key",
        values,
    )
    return [_line(row) for row in rows]


def schemas(session: Session, table: TableName, start: datetime, end: datetime) -> set[str]:
    """Return the hashes of the columns under which partitions in ``[start, end)`` were written."""
    rows = session.execute(
        "SELECT DISTINCT schema_hash FROM ml_partition WHERE table_schema = $1 "
        "AND table_name = $2 AND window_end > $3 AND window_start < $4 "
        "AND schema_hash IS NOT NULL",
        (table.schema or "", table.name, naive(start), naive(end)),
    )
    return {row[0] for row in rows}


def unsettled(session: Session, table: TableName) -> Sequence[str] | None:
    """Return the keys whose newest claim has not committed; None when the table has no lines."""
    place = (table.schema or "", table.name)
    rows = session.execute(
        "SELECT count(*) FROM ml_partition WHERE table_schema = $1 AND table_name = $2", place
    )
    if not rows[0][0]:
        return None
    rows = session.execute(
        "SELECT partition_key FROM ml_partition WHERE table_schema = $1 AND table_name = $2 "
        "AND coalesce(committed_token, 0) < token ORDER BY partition_key",
        place,
    )
    return [row[0] for row in rows]


def version(session: Session, table: TableName, key: str) -> int | None:
    """Return the version of the rows that readers see, where a table keeps several."""
    rows = session.execute(f"SELECT version FROM ml_partition WHERE {_HERE}", _place(table, key))
    return rows[0][0] if rows else None


def written(session: Session, line: Line, *, version: int | None = None) -> bool:
    """
    Write the committed facts of ``line``, if its token is still the newest.

    With a ``version``, readers see its rows from then on.
    """
    shown = {} if version is None else {"version": version}
    facts = {
        **shown,
        "committed_token": line.committed_token,
        "committed_at": naive(line.committed_at),
        "changed_token": line.changed_token,
        "changed_at": naive(line.changed_at),
        "window_start": naive(line.start),
        "window_end": naive(line.end),
        **_content(line),
    }
    return records.changed(
        session, "ml_partition", {**_key(line.table, line.key), "token": line.token}, facts
    )


def remembered(session: Session, line: Line, change: str, reason: str) -> None:
    """Add a commit to the history, which is never changed."""
    facts = {
        "token": line.token,
        "owner": line.owner,
        "change": change,
        "reason": reason,
        "ledger_version": schema.VERSION,
        "committed_at": naive(line.committed_at),
        **_content(line),
    }
    records.noted(session, "ml_history", {**_key(line.table, line.key), **facts})


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


def commits(ask: Callable[..., list[Row]], table: TableName) -> Row:
    """Return how many partitions of a table are committed, and the sum of their tokens."""
    return ask(
        "SELECT count(*), sum(committed_token) FROM ml_partition "
        "WHERE table_schema = $1 AND table_name = $2 AND committed_token IS NOT NULL",
        (table.schema or "", table.name),
    )[0]


def held(session: Session, table: TableName) -> None:
    """Hold every line of a table until the transaction ends; who is writing comes first."""
    session.change(
        "UPDATE ml_partition SET token = token WHERE table_schema = $1 AND table_name = $2",
        (table.schema or "", table.name),
    )


def set_aside(session: Session, table: TableName, name: TableName) -> None:
    """
    Let the lines of a table tell of it under another name, and forget its rows under its own.

    Tokens go on from where they are, and the history stays with the name.
    """
    here = (table.schema or "", table.name)
    where = "WHERE table_schema = $1 AND table_name = $2"
    forgotten(session, name)
    kept = _COLUMNS.removeprefix("table_schema, table_name, ")
    session.change(
        f"INSERT INTO ml_partition ({_COLUMNS}) SELECT table_schema, $3, {kept} "
        f"FROM ml_partition {where} AND committed_token IS NOT NULL",
        (*here, name.name),
    )
    gone = ", ".join(f"{column} = NULL" for column in _OF_ROWS)
    session.change(f"UPDATE ml_partition SET {gone} {where}", here)


def _place(table: TableName, key: str) -> tuple[str, str, str]:
    return table.schema or "", table.name, key


def _key(table: TableName, key: str) -> records.Facts:
    return {"table_schema": table.schema or "", "table_name": table.name, "partition_key": key}


def _content(line: Line) -> records.Facts:
    recipe = line.recipe or Recipe("", "")
    return {
        "row_count": line.rows,
        "content_hash": line.content_hash,
        "schema_hash": line.schema_hash,
        "code": recipe.code,
        "params": recipe.params,
        "inputs": json.dumps(dict(recipe.inputs), sort_keys=True),
    }


def _line(row: Row) -> Line:
    schema, name, key, token, owner, claimed_at, *rest = row
    (commit, commit_at, change, change_at, publish, start, end, rows, content, shape, *made) = rest
    code, params, inputs = made
    return Line(
        TableName(schema or None, name),
        key,
        token,
        owner,
        aware(claimed_at),
        commit,
        perhaps(commit_at),
        change,
        perhaps(change_at),
        publish,
        perhaps(start),
        perhaps(end),
        rows,
        content,
        shape,
        None if code is None else Recipe(code, params, json.loads(inputs)),
    )
