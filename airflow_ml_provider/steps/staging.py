"""Staging: where the chunks of one run wait until all of them are there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.ledger import Recipe, nothing_to_do
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.retention import STAGING_KEY
from airflow_ml_provider.domain.table import KeySlice, TableName
from airflow_ml_provider.domain.training import Pin

_RUN, _CHUNK, _COLUMNS = "staging_run", STAGING_KEY, "staging_columns"
OWN = frozenset({_RUN, _CHUNK, _COLUMNS})


@dataclass(frozen=True, slots=True)
class Place:
    """The slice of a staging table that belongs to one chunk of one run."""

    table: TableName
    run: str
    chunk: int

    @property
    def key(self) -> str:
        """The partition key of the chunk in the ledger."""
        return f"{self.run}#{self.chunk}"

    @property
    def owned(self) -> KeySlice:
        """The chunk's rows."""
        return KeySlice(_CHUNK, self.key)

    @property
    def marks(self) -> Mapping[str, str]:
        """The columns that say whose rows these are; others say what a run has given."""
        return {_RUN: self.run, _CHUNK: self.key}


def places(table: TableName, held: Pin) -> list[Place]:
    """Return the place of every chunk of a pinned run."""
    return [Place(table, held.run_id, chunk) for chunk in range(held.chunks)]


def require(store: Store, wanted: Sequence[Place], recipe: Recipe) -> None:
    """
    Return when every chunk is there, whole and of this recipe.

    :raises DataError: naming the chunks that are not.
    """
    absent = [
        place.chunk
        for place in wanted
        if nothing_to_do(
            store.ledger.line(place.table, place.key),
            recipe,
            store.count(place.table, place.owned),
        )
        is None
    ]
    if absent:
        msg = (
            f"Chunks {absent[:5]} of {len(wanted)} are not in {wanted[0].table}. Nothing was "
            "committed. Run the tasks 'predict' of this run again, then this one."
        )
        raise DataError(msg)


def query(store: Store, table: TableName, run: str) -> Query:
    """Return the SELECT of all rows of a run, in the columns that its chunks were given."""
    place = ".".join(_quoted(part) for part in (table.schema, table.name) if part)
    mine = f"FROM {place} WHERE {_quoted(_RUN)} = :staging_run"
    run_of = {"staging_run": run}
    said = store.query(Query(f"SELECT min({_quoted(_COLUMNS)}) AS names {mine}", run_of))
    text = said.read_all()["names"][0].as_py()
    every = (column.name for column in store.columns(table))
    names = json.loads(text) if text else [name for name in every if name not in OWN]
    return Query(f"SELECT {', '.join(map(_quoted, names))} {mine}", run_of)


def marked(keys: Any, answered: Any, added: Mapping[str, str], place: Place) -> Any:
    """Return one table of the keys, the predictions, and columns of one value each."""
    import pyarrow as pa

    whole = keys
    for name in answered.column_names:
        whole = whole.append_column(name, answered.column(name))
    names = json.dumps([*whole.column_names, *added])
    for name, value in {**added, **place.marks, _COLUMNS: names}.items():
        whole = whole.append_column(name, pa.repeat(pa.scalar(value), whole.num_rows))
    return whole


def filled(store: Store, table: TableName, rows: Any) -> Any:
    """Return rows with NULL in the columns of the table that only other runs have given it."""
    import pyarrow as pa

    if not store.columns(table):
        return rows
    for field in store.scan(table, KeySlice(_CHUNK, "")).schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field.name, pa.nulls(rows.num_rows, field.type))
    return rows


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
