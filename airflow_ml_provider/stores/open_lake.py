"""The door to the lakes: a format, a root and a ledger become a store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError, UnavailableError
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.connection.session import OnStep, Session, unobserved
from airflow_ml_provider.stores.lake.ledger import LakeLedger
from airflow_ml_provider.stores.lake.location import LakeLocation
from airflow_ml_provider.stores.lake.store import LakeStore
from airflow_ml_provider.stores.lake.tables import LakeFormat
from airflow_ml_provider.stores.sql.store import SqlStore

# Names with an underscore in front are overlooked by the engines that read the tables.
_LEDGER_FILE = "_ml_ledger.sqlite"
_STAGE = "_ml_stage"


def open_lake(
    kind: str,
    location: str,
    opened: Callable[[str, str], Store],
    *,
    lease_seconds: float = 120.0,
    keep_hours: float = 24.0,
    on_step: OnStep = unobserved,
) -> LakeStore:
    """
    Return the store of format ``kind`` at ``location``; ``opened`` opens the ledger's store.

    What a killed attempt left is cleared away when it is older than ``keep_hours``.

    :raises ConfigurationError: for a lake in an object store without a ledger.
    """
    place = LakeLocation.parse(location)
    tables = _format(kind, place, keep_hours)
    session = _session(kind, place, opened)
    ledger = LakeLedger(session, tables, lease_seconds=lease_seconds)
    home = (place.stage or place.folder or Path(tempfile.gettempdir())) / _STAGE
    return LakeStore(
        tables, ledger, f"{kind}:{place.root}", home, keep_hours=keep_hours, on_step=on_step
    )


def _format(kind: str, place: LakeLocation, keep_hours: float) -> LakeFormat:
    if kind == "iceberg":
        from airflow_ml_provider.stores.iceberg.format import IcebergFormat

        return IcebergFormat(place)
    if kind == "parquet":
        from airflow_ml_provider.stores.parquet.format import ParquetFormat

        return ParquetFormat(place, keep_hours=keep_hours)
    from airflow_ml_provider.stores.delta.format import DeltaFormat

    return DeltaFormat(place)


def _session(kind: str, place: LakeLocation, opened: Callable[[str, str], Store]) -> Session:
    chosen = place.ledger
    if chosen is None:
        chosen = "sqlite", str(_made(place) / _LEDGER_FILE)
    store = opened(*chosen)
    if not isinstance(store, SqlStore):
        msg = (
            f"The ledger of {kind}:{place.root} cannot be a store of kind {chosen[0]!r}. "
            "Name a SQL database, such as postgres."
        )
        raise ConfigurationError(msg)
    return store.session


def _made(place: LakeLocation) -> Path:
    """Return the lake's folder, which is made when it is not there."""
    if place.folder is None:
        msg = (
            f"The lake at {place.root} has no ledger: an object store cannot count claims. Name "
            "the connection of a SQL database as 'ledger_conn_id' in the extra of the lake's own."
        )
        raise ConfigurationError(msg)
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The lake's folder {place.root} cannot be made: {error}"
        raise UnavailableError(msg) from error
    return place.folder
