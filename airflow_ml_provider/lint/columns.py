"""Columns: whether the tables and columns that a system names are in its store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.pipeline import FeatureView
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.schema import NO_VERSION_CURE, SchemaPolicy
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.hooks.store import open_store
from airflow_ml_provider.spec import Fault, LoadedSystem, World, feature_views
from airflow_ml_provider.spec.checks import Checks
from airflow_ml_provider.spec.consistency import starts_at
from airflow_ml_provider.spec.fault import did_you_mean
from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.inference import Inference
from airflow_ml_provider.spec.inheritance import Layered
from airflow_ml_provider.spec.loader import understood
from airflow_ml_provider.spec.sql import read_text

Place = tuple[str | int, ...]


class Stores:
    """The stores that are looked into, each opened once. Nothing is written into them."""

    def __init__(self) -> None:
        self._open: dict[str | None, Store] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def check(self, loaded: LoadedSystem, world: World) -> Iterator[Fault]:
        """Yield what of ``loaded`` is not in its store, or why that could not be seen."""
        document = understood(loaded.path, read_text(loaded.path), world)
        conn_id = loaded.system.store
        try:
            if conn_id not in self._open:
                self._open[conn_id] = self._stack.enter_context(open_store(conn_id))
            yield from _Sight(self._open[conn_id], document, loaded).faults()
        except MLProviderError as error:
            place = ("store",) if conn_id else ()
            yield document.fault_at(place, f"the store cannot be looked into: {error}")


class _Sight:
    """One system beside what its store has."""

    def __init__(self, store: Store, document: Layered, loaded: LoadedSystem) -> None:
        self._store, self._document, self._loaded = store, document, loaded
        self._known: dict[str, tuple[str, ...]] = {}

    def faults(self) -> Iterator[Fault]:
        system = self._loaded.system
        for name, source in system.sources.items():
            place = ("sources", name)
            columns = self._columns(source.table)
            if columns:
                yield from self._missing((*place, "time"), [source.time], columns)
            else:
                words = f"sources.{name}: the store has no table {source.table}"
                yield self._document.fault_at((*place, "table"), words)
        for name, training in system.training.items():
            columns = self._columns(system.sources[training.label.source].table)
            place_of_label = ("training", name, "label", "column")
            yield from self._missing(place_of_label, [training.label.column], columns)
        for name, view in feature_views(self._loaded).items():
            yield from self._answer(name, view)
        yield from self._unversioned("features", system.features)
        yield from self._unversioned("inference", system.inference)

    def _unversioned(
        self, section: str, written: Mapping[str, Feature] | Mapping[str, Inference]
    ) -> Iterator[Fault]:
        """Yield the policies of ``written`` that the store would refuse at the first write."""
        if self._store.capabilities.new_versions:
            return
        for name, pipeline in written.items():
            if pipeline.schema_policy is SchemaPolicy.NEW_VERSION:
                words = f"{section}.{name}: {self._store.address} cannot begin a new version"
                place = (section, name, "schema")
                yield self._document.fault_at(place, words, NO_VERSION_CURE)

    def _answer(self, name: str, view: FeatureView) -> Iterator[Fault]:
        place = ("features", name)
        try:
            columns = self._made_by(view)
        except MLProviderError as error:
            yield self._document.fault_at((*place, "sql"), f"features.{name}: {error}")
            return
        feature = self._loaded.system.features[name]
        yield from self._missing((*place, "entity"), view.entity, columns)
        yield from self._missing((*place, "time"), [view.time], columns)
        for key, checked in _checked(feature.checks):
            yield from self._missing((*place, "checks", key), checked, columns)

    def _made_by(self, view: FeatureView) -> tuple[str, ...]:
        """Return the columns that come out; of a function, those of the table it filled before."""
        if view.sql is None:
            return self._columns(str(view.table))
        system = self._loaded.system
        window = view.calendar.window_at(starts_at(system, system.start))
        bounds = {
            "window_start": window.start,
            "window_end": window.end,
            "window_key": window.key,
        }
        text = view.sql.rstrip().removesuffix(";")
        empty = f"SELECT * FROM (\n{text}\n) AS answer LIMIT 0"  # noqa: S608  the user's own SELECT
        query = Query(empty, {**view.params, **bounds})
        return tuple(self._store.query(query).read_all().column_names)

    def _columns(self, table: str) -> tuple[str, ...]:
        if table not in self._known:
            found = self._store.columns(TableName.parse(table))
            self._known[table] = tuple(column.name for column in found)
        return self._known[table]

    def _missing(
        self, place: Place, wanted: Iterable[str], columns: tuple[str, ...]
    ) -> Iterator[Fault]:
        for column in wanted:
            if columns and column not in columns:
                where = ".".join(str(step) for step in place[:2])
                words = f"{where}: there is no column {column!r}"
                yield self._document.fault_at(place, words, did_you_mean(column, columns))


def _checked(checks: Checks) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "not_null", checks.not_null
    yield "unique", tuple(column for group in checks.unique for column in group)
    yield "between", tuple(checks.between)
    yield "accepted", tuple(checks.accepted)
