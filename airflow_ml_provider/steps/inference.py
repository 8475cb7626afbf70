"""Batch inference: pin what is read, score it in chunks, commit the chunks as one partition."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from airflow_ml_provider.domain.champion import champion_for
from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import DataError, FunctionError
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ledger import (
    Change,
    Materialization,
    Owner,
    Recipe,
    nothing_to_do,
)
from airflow_ml_provider.domain.pipeline import BatchPrediction
from airflow_ml_provider.domain.ports import ModelRegistry, Store
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import TimeSlice
from airflow_ml_provider.domain.training import Pin
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.steps import staging
from airflow_ml_provider.steps.answer import table
from airflow_ml_provider.steps.function import call_in_order, code_of as function_code, load
from airflow_ml_provider.steps.inputs import committed, contents, missing, upstream


def pin(store: Store, prediction: BatchPrediction, window: Window, run_id: str) -> Pin:
    """
    Fix what the run ``run_id`` reads: a model version, the features and the number of chunks.

    The first pin of a run holds for all its retries. A run without a champion is not pinned: it
    has read nothing, and may be run again when there is one.

    :raises DataError: when features of the window are not committed.
    """
    run = f"{run_id}/{prediction.name}/{window.key}"  # one run may score several things
    inputs = _features_now(store, prediction, window)
    reign = champion_for(store.ledger.reigns(prediction.model, prediction.alias), window.start)
    if reign is None:
        return Pin(run, prediction.model, None, inputs, 0, _nobody(prediction, window))
    first = prediction.features[0]
    rows = store.count(first.table, TimeSlice(first.time, window.start, window.end)) or 0
    chunks = max(1, math.ceil(rows / prediction.chunk_rows))
    reason = (
        f"{prediction.model} version {reign.version} is {prediction.alias} for windows from "
        f"{reign.since:%Y-%m-%d %H:%M} UTC on; {rows:,} rows in {chunks} chunk(s)"
    )
    return store.ledger.pin(Pin(run, prediction.model, reign.version, inputs, chunks, reason))


def pinned(store: Store, prediction: BatchPrediction, window: Window, run_id: str) -> Pin:
    """
    Return the pin of a run that is under way.

    :raises DataError: when no champion may score the window.
    """
    held = pin(store, prediction, window, run_id)
    if held.version is None:
        msg = f"{prediction.name} {window.key}: {held.reason}"
        raise DataError(msg)
    return held


def predict(
    store: Store,
    registry: Callable[[], ModelRegistry],
    prediction: BatchPrediction,
    window: Window,
    held: Pin,
    chunk: int,
    owner: Owner,
    now: datetime,
) -> Materialization:
    """
    Score one chunk of the pinned features into staging, where no reader looks.

    :raises DataError: when the features are no longer those that were pinned.
    """
    _same_features(store, prediction, window, held)
    recipe = recipe_of(prediction, held)
    done = _committed_already(store, prediction, window, recipe)
    if done is not None:
        return done
    place = staging.Place(prediction.staging, held.run_id, chunk)
    line = store.ledger.line(place.table, place.key)
    known = nothing_to_do(line, recipe, store.count(place.table, place.owned))
    if line is not None and known is not None:
        return Materialization(line, Change.SKIPPED, known)
    claim = store.claim(place.table, place.key, owner, at=now)
    rows = _scored(store, registry, prediction, window, held, place)
    return store.replace(
        claim,
        place.owned,
        rows,
        window=None,
        recipe=recipe,
        expectations=Expectations(),
        at=now,
        # The table of the predictions has its own policy, which its commit is held to.
        schema=SchemaPolicy.ADD_COLUMNS,
    )


def commit(
    store: Store,
    prediction: BatchPrediction,
    window: Window,
    held: Pin,
    owner: Owner,
    now: datetime,
) -> Materialization:
    """
    Make the chunks of the run the whole partition of predictions, then clear them away.

    :raises DataError: when the features changed since they were pinned, or a chunk is not there.
    """
    recipe = recipe_of(prediction, held)
    places = staging.places(prediction.staging, held)
    done = _committed_already(store, prediction, window, recipe)
    if done is None:
        _same_features(store, prediction, window, held)
        staging.require(store, places, recipe)
        claim = store.claim(prediction.table, window.key, owner, at=now)
        done = store.replace(
            claim,
            _owned(prediction, window),
            staging.query(store, prediction.staging, held.run_id),
            window=window,
            recipe=recipe,
            expectations=prediction.expectations,
            at=now,
            schema=prediction.schema,
        )
    for place in places:
        store.drop_slice(place.table, place.owned)
    return done


def recipe_of(prediction: BatchPrediction, held: Pin) -> Recipe:
    """Return what a partition of predictions is computed from under a pin."""
    model = {f"model {held.model}": str(held.version)}
    code = function_code(prediction.predict)
    return Recipe(code, fingerprint(prediction.params), {**held.inputs, **model})


def _nobody(prediction: BatchPrediction, window: Window) -> str:
    return (
        f"no version of {prediction.model} is {prediction.alias} for windows that begin at "
        f"{window.start:%Y-%m-%d %H:%M} UTC, so nothing is predicted. Train the model as of that "
        "time or earlier, then run this again"
    )


def _features_now(store: Store, prediction: BatchPrediction, window: Window) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in upstream(prediction.features):
        windows = source.windows(window)
        absent = missing(store.ledger, source, windows)
        if absent:
            msg = (
                f"{prediction.name} {window.key}: features {source.table} are not there for "
                f"{', '.join(absent[:3])}. Materialize them first, then run this task again."
            )
            raise DataError(msg)
        found |= contents(committed(store.ledger, source, windows))
    return found


def _same_features(store: Store, prediction: BatchPrediction, window: Window, held: Pin) -> None:
    now = _features_now(store, prediction, window)
    changed = sorted(key for key in held.inputs if now.get(key) != held.inputs[key])
    if changed:
        msg = (
            f"{prediction.name} {window.key}: the features {', '.join(changed[:3])} were restated "
            "after this run had pinned them. Nothing was committed, readers still see the earlier "
            f"predictions. Start a new run for {window.key}: it pins what is there now."
        )
        raise DataError(msg)


def _committed_already(
    store: Store, prediction: BatchPrediction, window: Window, recipe: Recipe
) -> Materialization | None:
    line = store.ledger.line(prediction.table, window.key)
    rows = store.count(prediction.table, _owned(prediction, window))
    known = nothing_to_do(line, recipe, rows)
    return Materialization(line, Change.SKIPPED, known) if line and known else None


def _owned(prediction: BatchPrediction, window: Window) -> TimeSlice:
    return TimeSlice(prediction.features[0].time, window.start, window.end)


def _scored(
    store: Store,
    registry: Callable[[], ModelRegistry],
    prediction: BatchPrediction,
    window: Window,
    held: Pin,
    place: staging.Place,
) -> Any:
    features = [view.source for view in prediction.features]
    query = store.feature_rows(
        features, start=window.start, end=window.end, chunk=(place.chunk, held.chunks)
    )
    batch = store.query(query).read_all()
    if not batch.num_rows and store.columns(place.table):
        # Many models refuse an empty batch, and the columns are known from earlier ones.
        return store.scan(place.table, place.owned).read_all()
    store.release()
    model = registry().load(held.model, str(held.version))
    answer = call_in_order(
        prediction.predict,
        load(prediction.predict),
        [("model", model), ("batch", batch), ("params", dict(prediction.params))],
        required=2,
    )
    answered = table(prediction.predict, answer, rows=batch.num_rows)
    rows = _completed(prediction, held, batch, answered, place)
    return staging.filled(store, place.table, rows)


def _completed(
    prediction: BatchPrediction, held: Pin, batch: Any, answered: Any, place: staging.Place
) -> Any:
    first = prediction.features[0]
    added = {"model": held.model, "model_version": str(held.version)}
    keys = [*first.entity, first.time]
    taken = [name for name in answered.column_names if name in {*keys, *added, *staging.OWN}]
    if taken:
        msg = (
            f"{prediction.predict!r} returned column {taken[0]!r}, which is added by itself. "
            "Return the predicted columns only."
        )
        raise FunctionError(msg)
    return staging.marked(batch.select(keys), answered, added, place)
