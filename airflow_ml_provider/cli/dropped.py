"""Dropped: asset events that Airflow threw away, which only its event log tells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_ml_provider.cli.finding import Finding, State

_WHAT = "asset events"
_SPAN = timedelta(days=7)
# As AssetManager of Airflow 3.3 writes them, each in place of the runs that it does not queue.
EVENTS = ("missing partition key", "failed to map partition_key", "partition fan-out exceeded")


def dropped(dags: Collection[str], now: datetime) -> Finding:
    """
    Look for events of the last week that these Dags sent and that made no run.

    Airflow's own database is asked, which is to be reached only where its servers run.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        rows = [row for row in _rows(now - _SPAN) if row.dag_id in dags]
    except (SQLAlchemyError, FileNotFoundError):
        said = "not looked at: Airflow's database does not answer here, or is empty."
        return Finding(State.NOTE, _WHAT, said, "Run this where its scheduler runs.")
    if not rows:
        return Finding(State.WELL, _WHAT, "none was dropped in the last 7 days")
    last = rows[0]
    return Finding(
        State.ILL,
        _WHAT,
        f"{len(rows)} dropped in the last 7 days, the last one of {last.dag_id} on "
        f"{last.dttm:%Y-%m-%d %H:%M} UTC: {last.event}. {_first(last.extra)}",
        "Runs downstream are missing: look at the partitions with airflow-ml status.",
    )


def _first(extra: str | None) -> str:
    return (extra or "").partition("\n")[0].strip()


def _rows(since: datetime) -> Sequence[Any]:
    # There is no way to the event log through airflow.sdk.
    from airflow import settings
    from airflow.models.log import Log
    from sqlalchemy import create_engine, make_url, select
    from sqlalchemy.pool import NullPool

    address = make_url(settings.SQL_ALCHEMY_CONN or "")
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise FileNotFoundError(address.database)  # to ask it would make an empty file
    columns = (Log.event, Log.dag_id, Log.dttm, Log.extra)
    query = select(*columns).where(Log.event.in_(EVENTS), Log.dttm >= since)
    # Without a pool, which would keep the connection open.
    with create_engine(address, poolclass=NullPool).connect() as connection:
        return connection.execute(query.order_by(Log.dttm.desc())).all()
