"""A partition replaced on PostgreSQL, beside what else loads one from Python."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Connection

from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.postgres.store import PostgresStore
from tests.bench import rows, server
from tests.bench.figure import Figure
from tests.bench.ours import Ours
from tests.bench.peers import OURS, DltPeer, FramePeer, HookPeer, OurSide, figures_of, quiet

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = "PostgreSQL, peers"
NOTE = """\
Ours: claim and Store.replace in an open store, from a pyarrow Table in memory: checks, content
hash, ledger. Beside it, to tables of their own with the same columns and index: a DELETE of the
slice, and then the peer. insert_rows: PostgresHook of Airflow, as it is and with executemany. to_sql:
pandas, chunks of 10,000, as it is and with a COPY from CSV as its documentation shows. dlt: merge
with delete-insert by the day, loading CSV, its tables made beforehand. What hook and pandas are
given (tuples, a frame) is made off the clock; dlt takes the Arrow table. Only ours is one
transaction with a fence; insert_rows commits every 1,000 rows. Figure: our seconds over theirs."""
_DELETE = "DELETE FROM {table} WHERE seen >= {low} AND seen < {high}"


def figures(*, quick: bool) -> list[Figure]:
    """Replace the same partition by every peer."""
    quiet()
    count, rounds = (2_000, 1) if quick else (20_000, 3)
    day = rows.partition(1, count)
    with server.running() as postgres, tempfile.TemporaryDirectory() as folder:
        base = postgres.database("peers")
        ours = Ours(PostgresStore(base.uri))
        for one in (day, *(rows.partition(number, count // 5) for number in (0, 2, 3))):
            ours.fill(rows.TABLE, one)
        sides: dict[str, Any] = {OURS: OurSide(ours)}
        sides["insert_rows"] = _hook(base.uri, "hook_default", {})
        sides["insert_rows, executemany"] = _hook(base.uri, "hook_many", {"executemany": True})
        sides["to_sql"] = _frame(base.uri, "frame_default", None)
        sides["to_sql with COPY"] = _frame(base.uri, "frame_copy", _copied)
        sides["dlt"] = _dlt(base.uri, Path(folder))
        return list(figures_of(GROUP, day, sides, rounds))


def _copy_of_ours(uri: str, name: str) -> None:
    with psycopg.connect(uri) as connection:
        connection.execute(f"CREATE TABLE bench.{name} (LIKE bench.features INCLUDING ALL)")
        connection.execute(f"INSERT INTO bench.{name} SELECT * FROM bench.features")


def _hook(uri: str, name: str, settings: dict[str, Any]) -> HookPeer:
    _copy_of_ours(uri, name)
    parts = psycopg.conninfo.conninfo_to_dict(uri)
    hook = PostgresHook(
        connection=Connection(
            conn_id="bench",
            conn_type="postgres",
            host=str(parts["host"]),
            login=str(parts["user"]),
            schema=str(parts["dbname"]),
        )
    )
    sql = _DELETE.format(table=f"bench.{name}", low="%s", high="%s")

    def delete(window: Window) -> None:
        hook.run(sql, parameters=(window.start, window.end))

    return HookPeer(hook, f"bench.{name}", delete, settings, _same)


def _frame(uri: str, name: str, method: Any) -> FramePeer:
    import sqlalchemy as sa

    _copy_of_ours(uri, name)
    parts = psycopg.conninfo.conninfo_to_dict(uri)
    url = sa.URL.create(
        "postgresql+psycopg",
        username=str(parts["user"]),
        database=str(parts["dbname"]),
        query={"host": str(parts["host"])},
    )
    kinds = {"price": sa.Numeric(12, 2), "tax": sa.Numeric(18, 4)}
    place = {"name": name, "schema": "bench", "dtype": kinds}
    sql = _DELETE.format(table=f"bench.{name}", low=":low", high=":high")
    return FramePeer(sa.create_engine(url), place, sql, _same, method)


def _copied(table: Any, connection: Any, keys: list[str], given: Iterable[Any]) -> None:
    """Load rows by COPY from CSV: the callable that pandas takes for its ``method``."""
    text = io.StringIO()
    csv.writer(text).writerows(given)
    names = ", ".join(keys)
    copy = f"COPY {table.schema}.{table.name} ({names}) FROM STDIN (FORMAT csv)"
    with connection.connection.cursor().copy(copy) as blocks:
        blocks.write(text.getvalue())


def _dlt(uri: str, folder: Path) -> DltPeer:
    import dlt

    parts = psycopg.conninfo.conninfo_to_dict(uri)
    credentials = {
        "drivername": "postgresql",
        "host": quote(str(parts["host"]), safe=""),  # the folder of a socket
        "username": str(parts["user"]),
        "password": "",
        "database": str(parts["dbname"]),
    }
    return DltPeer(dlt.destinations.postgres(credentials=credentials), folder, "csv")


def _same(table: pa.Table) -> pa.Table:
    return table
