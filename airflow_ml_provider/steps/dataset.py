"""A dataset: what one training reads, joined point in time and frozen under its train key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ledger import Owner, Recipe, nothing_to_do
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.staleness import Snapshot
from airflow_ml_provider.domain.table import KeySlice
from airflow_ml_provider.domain.training import Stage, Training
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.steps.inputs import earlier
from airflow_ml_provider.steps.judgement import snapshot, verdict_of
from airflow_ml_provider.stores.sql.content import columns_of_old

TRAIN, HOLDOUT = "train", "holdout"
_TECHNICAL = ("train_key", "split")


def build_dataset(
    store: Store, model: TrainedModel, window: Window, key: str, owner: Owner, now: datetime
) -> Training:
    """
    Freeze the rows of ``key`` and note that its training has begun.

    :raises DataError: when the features are no longer those that were judged.
    """
    known = store.ledger.training(model.name, key)
    wanted = known.snapshot if known else _unchanged(store, model, window, key)
    _freeze(store, model, wanted, owner, now)
    if known is not None:
        return known
    verdict = verdict_of(store.ledger, model, window)
    begun = Training(
        model=model.name,
        train_key=key,
        snapshot=wanted,
        as_of=window.end,
        cause=verdict.reason if verdict else "asked for by hand",
        stage=Stage.BUILT,
    )
    store.ledger.save_training(begun)
    return begun


def read_split(store: Store, model: TrainedModel, key: str, split: str) -> Any:
    """
    Return one split of a frozen dataset as a pyarrow Table, in an order that is always the same.

    Columns that the table has gained for later datasets are left out.

    :raises DataError: when it has no rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    line = store.ledger.line(model.dataset, key)
    former = () if line is None or line.schema_hash is None else (line.schema_hash,)
    names = [column.name for column in columns_of_old(store.columns(model.dataset), former)]
    order = ["label_time", *(name for name in names if name != "label_time")]
    owned = KeySlice("train_key", key)
    reader = store.scan(model.dataset, owned, columns=names, order_by=order)
    parts = [
        part.filter(pc.equal(part.column("split"), split)).drop_columns(list(_TECHNICAL))
        for part in reader
    ]
    rows = sum(part.num_rows for part in parts)
    if not rows:
        raise DataError(_empty(model, key, split))
    return pa.Table.from_batches(parts)


def _unchanged(store: Store, model: TrainedModel, window: Window, key: str) -> Snapshot:
    wanted = snapshot(store.ledger, model, window)
    if wanted.train_key == key:
        return wanted
    msg = (
        f"{model.name}: features, code or parameters have changed since train key {key} was "
        f"judged (they are {wanted.train_key} now). Nothing was built. Run the staleness check of "
        f"{window.key} again: it judges what is there now."
    )
    raise DataError(msg)


def _freeze(
    store: Store, model: TrainedModel, wanted: Snapshot, owner: Owner, now: datetime
) -> None:
    key = wanted.train_key
    owned = KeySlice("train_key", key)
    recipe = Recipe(fingerprint("point in time"), wanted.config, wanted.manifest)
    line = store.ledger.line(model.dataset, key)
    if nothing_to_do(line, recipe, store.count(model.dataset, owned)) is not None:
        return
    claim = store.claim(model.dataset, key, owner, at=now)
    store.replace(
        claim,
        owned,
        _rows(store, model, wanted),
        window=Window(key, wanted.data_start, wanted.data_end),
        recipe=recipe,
        expectations=Expectations(),
        at=now,
        # A feature that is new is a column more here; what was frozen before is read without it.
        schema=SchemaPolicy.ADD_COLUMNS,
    )


def _rows(store: Store, model: TrainedModel, wanted: Snapshot) -> Query:
    return store.point_in_time(
        model.label,
        [view.source for view in model.features],
        start=wanted.data_start,
        end=wanted.data_end,
        split_at=earlier(model.calendar, wanted.data_end, model.holdout),
        train_key=wanted.train_key,
    )


def _empty(model: TrainedModel, key: str, split: str) -> str:
    return (
        f"{model.name}: the {split} split of train key {key} has no rows. Look whether "
        f"{model.label.table} has labels ({model.label.column}) in that time, whether their "
        f"entities are those of the features, and whether 'window' ({model.window}) is longer "
        f"than 'holdout' ({model.holdout})."
    )
