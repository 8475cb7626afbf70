"""Materialize: compute one partition of a feature view, unless it is there already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ledger import (
    Change,
    Claim,
    Materialization,
    Owner,
    Recipe,
    nothing_to_do,
)
from airflow_ml_provider.domain.pipeline import FeatureView, Source
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.table import TimeSlice
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.steps.answer import Rows, rows
from airflow_ml_provider.steps.function import arguments, code_of, load


def materialize(
    store: Store, view: FeatureView, window: Window, owner: Owner, now: datetime
) -> Materialization:
    """
    Make the partition of ``view`` that ``window`` names, whole, or say why it need not be made.

    The versions of the inputs are read before the claim and the inputs after it: input that
    changes in between is noted under its older version, so the next run computes once more.
    """
    recipe = recipe_of(store, view, window)
    owned = TimeSlice(view.time, window.start, window.end)
    line = store.ledger.line(view.table, window.key)
    known = nothing_to_do(line, recipe, store.count(view.table, owned))
    if line is not None and known is not None:
        return Materialization(line, Change.SKIPPED, known)
    claim = store.claim(view.table, window.key, owner, at=now)
    return _replaced(store, view, window, claim, recipe, now)


def recipe_of(store: Store, view: FeatureView, window: Window) -> Recipe:
    """Return what the partition would be computed from now."""
    code = fingerprint(view.sql) if view.python is None else code_of(view.python)
    versions = {
        str(source.table): store.version(source.table, source.time, window)
        for source in view.sources
    }
    return Recipe(code, fingerprint(view.params), versions)


def _replaced(
    store: Store, view: FeatureView, window: Window, claim: Claim, recipe: Recipe, now: datetime
) -> Materialization:
    made = _computed(store, view, window)
    try:
        return store.replace(
            claim,
            TimeSlice(view.time, window.start, window.end),
            made.stream,
            window=window,
            recipe=recipe,
            expectations=view.expectations,
            at=now,
            schema=view.schema,
        )
    except Exception as error:
        if made.trouble:
            raise made.trouble[0] from error
        raise


def _computed(store: Store, view: FeatureView, window: Window) -> Rows:
    if view.python is None:
        assert view.sql is not None  # noqa: S101  a view has one of the two
        bounds = {
            "window_start": window.start,
            "window_end": window.end,
            "window_key": window.key,
        }
        return Rows(Query(view.sql, {**view.params, **bounds}))
    function = load(view.python)
    given = arguments(view.python, function, _offers(store, view, window))
    store.release()
    return rows(view.python, function(**given), (*view.entity, view.time))


def _offers(store: Store, view: FeatureView, window: Window) -> dict[str, Callable[[], object]]:
    offers: dict[str, Callable[[], object]] = {
        source.name: partial(_read, store, source, window) for source in view.sources
    }
    return offers | {
        "window": lambda: window,
        "params": lambda: dict(view.params),
        "tables": lambda: {s.name: _read(store, s, window) for s in view.sources},
    }


def _read(store: Store, source: Source, window: Window) -> object:
    # Read whole: one connection cannot stream out of a table while it loads another.
    owned = TimeSlice(source.time, window.start, window.end)
    return store.scan(source.table, owned).read_all()
