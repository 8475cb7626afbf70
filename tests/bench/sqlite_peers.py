"""A partition replaced on SQLite, beside what else loads one from Python."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from airflow.providers.sqlite.hooks.sqlite import SqliteHook

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.sqlite.store import SqliteStore
from tests.bench import rows
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.peers import OURS, FramePeer, HookPeer, OurSide, figures_of, quiet
from tests.bench.sqlite_rows import _plain

GROUP = "SQLite, peers"
NOTE = """\
As on PostgreSQL, with a file for each side and the same table and index in it. What hook and
pandas are given is made off the clock, moments and dates as the text that ours keeps, decimals as
doubles, so that neither alters a value. dlt is not here: its one way to SQLite is SQLAlchemy's."""


def figures(*, quick: bool) -> list[Figure]:
    """Replace the same partition by every peer."""
    quiet()
    count, rounds = (2_000, 1) if quick else (20_000, 3)
    day = rows.partition(1, count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = Ours(SqliteStore(folder / "ours.sqlite"))
        for one in (day, *(rows.partition(number, count // 5) for number in (0, 2, 3))):
            ours.fill(rows.TABLE, one)
        many = {"executemany": True}
        sides: dict[str, Any] = {
            OURS: OurSide(ours),
            "insert_rows": _hook(_copy_of_ours(folder, "hook"), {}),
            "insert_rows, executemany": _hook(_copy_of_ours(folder, "many"), many),
            "to_sql": _frame(_copy_of_ours(folder, "frame")),
        }
        return list(figures_of(GROUP, day, sides, rounds))


def _copy_of_ours(folder: Path, name: str) -> Path:
    path = folder / f"{name}.sqlite"
    source = sqlite3.connect(folder / "ours.sqlite")
    target = sqlite3.connect(path)
    source.backup(target)
    target.execute("PRAGMA journal_mode = WAL")
    source.close()
    target.close()
    return path


def _hook(path: Path, settings: dict[str, Any]) -> HookPeer:
    conn_id = f"bench_{path.stem}"
    os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(
        {"conn_type": "sqlite", "host": str(path)}
    )
    hook = SqliteHook(sqlite_conn_id=conn_id)

    def delete(window: Window) -> None:
        edges = (f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}")
        hook.run('DELETE FROM "bench.features" WHERE seen >= ? AND seen < ?', parameters=edges)

    return HookPeer(hook, '"bench.features"', delete, settings, _texts)


def _frame(path: Path) -> FramePeer:
    import sqlalchemy as sa

    sql = 'DELETE FROM "bench.features" WHERE seen >= date(:low) AND seen < date(:high)'
    return FramePeer(
        sa.create_engine(f"sqlite:///{path}"), {"name": "bench.features"}, sql, _texts
    )


def _texts(table: pa.Table) -> pa.Table:
    """Return rows of the values that SQLite has."""
    columns = [_plain(column) for column in table.columns]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))
