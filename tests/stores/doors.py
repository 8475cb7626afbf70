"""The doors of the tests: a kind and a location become a store, of the generic kinds too."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa

from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores import open as stores
from airflow_ml_provider.stores.generic.engines import KNOWN
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.generic.store import open_generic
from tests.stores import small_engine

GENERIC = ("generic_sqlite", "generic_postgres")
VERSIONED = ("versioned_sqlite", "versioned_postgres")


def open_store(kind: str, location: str, **options: Any) -> Store:
    if kind not in {*GENERIC, *VERSIONED}:
        return stores.open_store(kind, location, **options)
    alone = kind in VERSIONED
    if kind.endswith("sqlite"):
        connect = partial(small_engine.connect, location, commits_by_itself=alone)
        profile = small_engine.PROFILE
    else:
        connect = partial(psycopg_connection, location, alone)
        profile = KNOWN["postgres"]
    address = f"{kind}:{location.rpartition('@')[2]}"
    return open_generic(
        connect, without_transactions(profile) if alone else profile, address, **options
    )


def psycopg_connection(uri: str, commits_by_itself: bool) -> Any:
    import psycopg

    return psycopg.connect(uri, autocommit=commits_by_itself, prepare_threshold=None)


def without_transactions(profile: Profile) -> Profile:
    changed = {"transactions": False, "ddl_in_transaction": False, "row_lock": True}
    return profile.known_as(changed)


def engine_of(kind: str) -> str:
    """Return the engine behind a kind of store, whose words a person writes there."""
    return kind.rpartition("_")[2] if kind in {*GENERIC, *VERSIONED} else kind


def lacks_column(kind: str, of: pa.DataType) -> bool:
    """Whether no column of a generic store can be of a type, so that its values are refused."""
    if kind not in {*GENERIC, *VERSIONED}:
        return False
    small = engine_of(kind) == "sqlite"
    odd = pa.types.is_decimal(of) or pa.types.is_float32(of)
    nested = pa.types.is_list(of) or pa.types.is_fixed_size_list(of)
    return nested or (small and odd)
