"""A doctor: looks at an installation and says what is ill, why it matters and how it is cured."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_ml_provider.cli.dropped import dropped
from airflow_ml_provider.cli.finding import Finding, State
from airflow_ml_provider.cli.settings import settings
from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.domain.retention import STAGING_KEY
from airflow_ml_provider.domain.table import TableName

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Store
    from airflow_ml_provider.spec.catalog import Catalog, Entry

Place = tuple[TableName, str]
"""A table and the column by which it is cut into partitions."""

_OLDEST_AIRFLOW = (3, 3)
_MOST_SKEW = timedelta(seconds=5)
_ENTRY_POINTS = {
    "apache_airflow_provider": "airflow_ml_provider.get_provider_info:get_provider_info",
    "airflow.plugins": "airflow_ml_provider.plugin:MLPlugin",
}
_EXTRAS = {
    "duckdb": ("duckdb", "embedded stores and DuckDB files"),
    "postgres": ("adbc_driver_postgresql", "PostgreSQL stores"),
    "lake": ("pyiceberg", "Delta Lake, Iceberg and Parquet stores"),
    "mlflow": ("mlflow", "model registries"),
}


def examined(catalog: Catalog) -> Iterator[Finding]:
    """Look at the installation, then at everything that the pipelines of ``catalog`` use."""
    yield _airflow()
    yield from _entry_points()
    yield _yaml()
    yield from _extras()
    yield from _files(catalog)
    yield from _stores(catalog.entries)
    yield from _registries(catalog.entries)
    yield from _alerts(catalog.entries)
    yield from _stubs(catalog)
    yield from settings(catalog.entries)
    yield dropped({entry.name for entry in catalog.entries}, datetime.now(UTC))


def _airflow() -> Finding:
    found = importlib.metadata.version("apache-airflow-core")
    python = ".".join(map(str, sys.version_info[:3]))
    said = f"{found} on Python {python}"
    if tuple(int(part) for part in found.split(".")[:2]) < _OLDEST_AIRFLOW:
        return Finding(
            State.ILL, "airflow", f"{said} is too old.", "Install Airflow 3.3 or later."
        )
    return Finding(State.WELL, "airflow", said)


def _entry_points() -> Iterator[Finding]:
    for group, wanted in _ENTRY_POINTS.items():
        found = {point.value for point in importlib.metadata.entry_points(group=group)}
        if wanted in found:
            yield Finding(State.WELL, "entry point", group)
        else:
            yield Finding(
                State.ILL,
                "entry point",
                f"{group} does not name {wanted}, so Airflow does not know of us.",
                "Install airflow-ml-provider again, in this very environment.",
            )


def _yaml() -> Finding:
    import yaml

    if yaml.__with_libyaml__:
        return Finding(State.WELL, "yaml", "read by libyaml")
    return Finding(
        State.NOTE,
        "yaml",
        "is read by Python, about ten times slower than by libyaml.",
        "Install a PyYAML wheel that was built with it.",
    )


def _extras() -> Iterator[Finding]:
    for extra, (module, purpose) in _EXTRAS.items():
        if find_spec(module) is not None:
            yield Finding(State.WELL, "extra", f"[{extra}] for {purpose}")
        else:
            cure = f"Where they are used: pip install 'airflow-ml-provider[{extra}]'."
            yield Finding(State.NOTE, "extra", f"[{extra}] is not there, for {purpose}.", cure)


def _files(catalog: Catalog) -> Iterator[Finding]:
    for error in catalog.errors:
        first = error.faults[0]
        said = f"{len(error.faults)} fault(s), the first at {first.place}: {first.message}."
        yield Finding(State.ILL, "yaml file", said, "Run: airflow-ml lint")
    if catalog.entries or not catalog.errors:
        yield Finding(
            State.WELL if catalog.entries else State.NOTE,
            "pipelines",
            f"{len(catalog.entries)} in {catalog.folder}",
        )


def _stores(entries: Sequence[Entry]) -> Iterator[Finding]:
    from airflow_ml_provider.hooks.store import open_store

    for conn_id, members in _by(entries, "store").items():
        what = f"store {conn_id or '(embedded)'}"
        try:
            with open_store(conn_id) as store:
                yield _store(what, store, datetime.now(UTC))
                yield from _tables(store, members)
        except MLProviderError as error:
            names = ", ".join(entry.name for entry in members[:3])
            yield Finding(State.ILL, what, f"{error}", f"Needed by {names}.")


def _store(what: str, store: Store, before: datetime) -> Finding:
    from airflow_ml_provider.stores.generic.store import GenericStore

    has_ledger = bool(store.columns(TableName(None, "ml_partition")))
    theirs = store.query(Query("SELECT current_timestamp AS moment")).read_all()[0][0].as_py()
    skew = abs(theirs.astimezone(UTC) - before) - (datetime.now(UTC) - before)
    said = f"{store.address}, {'with' if has_ledger else 'without'} a ledger{_lacking(store)}"
    if skew > _MOST_SKEW:
        return Finding(
            State.NOTE,
            what,
            f"{said}; its clock is {skew.total_seconds():.0f} s off ours.",
            "Leases and lateness are judged by clocks: keep them in step.",
        )
    if isinstance(store, GenericStore) and not store.tested:
        return Finding(
            State.NOTE,
            what,
            f"{said}; our tests have not run on its engine.",
            "Run airflow-ml prove on a pipeline of yours before you trust it.",
        )
    return Finding(State.WELL, what, said)


def _tables(store: Store, members: Sequence[Entry]) -> Iterator[Finding]:
    """Look for tables of which each write reads everything."""
    for table, column in dict.fromkeys(
        place for one in members for place in _slices(one.pipeline)
    ):
        found = store.hint(table, column)
        if found:
            said, _, cure = found.partition(". ")
            yield Finding(State.NOTE, f"table {table}", f"{said}.", cure)


def _slices(pipeline: FeatureView | TrainedModel | BatchPrediction) -> Iterator[Place]:
    match pipeline:
        case FeatureView():
            yield pipeline.table, pipeline.time
        case TrainedModel():
            yield pipeline.dataset, "train_key"
        case BatchPrediction():
            yield pipeline.table, pipeline.features[0].time
            yield pipeline.staging, STAGING_KEY


def _lacking(store: Store) -> str:
    able = store.capabilities
    lacking = [each.name for each in fields(able) if not getattr(able, each.name)]
    return f", lacking {', '.join(lacking)} (see doc/stores.md)" if lacking else ""


def _registries(entries: Sequence[Entry]) -> Iterator[Finding]:
    from airflow_ml_provider.hooks.registry import open_registry

    trained = [entry for entry in entries if entry.kind != "feature"]
    for conn_id, members in _by(trained, "registry").items():
        what = f"registry {conn_id or '(embedded)'}"
        try:
            registry = open_registry(conn_id)
            registry.alias("airflow_ml.doctor", "champion")
        except MLProviderError as error:
            names = ", ".join(entry.name for entry in members[:3])
            yield Finding(State.ILL, what, f"{error}", f"Needed by {names}.")
        else:
            yield Finding(State.WELL, what, registry.address)


def _by(entries: Sequence[Entry], attribute: str) -> Mapping[str | None, list[Entry]]:
    def chosen(entry: Entry) -> str:
        return getattr(entry, attribute) or ""

    ordered = sorted(entries, key=chosen)
    return {conn_id or None: list(members) for conn_id, members in groupby(ordered, key=chosen)}


def _alerts(entries: Sequence[Entry]) -> Iterator[Finding]:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    wanted = {conn_id: entry.name for entry in reversed(entries) for conn_id in entry.alert}
    for conn_id, name in sorted(wanted.items()):
        try:
            kind = BaseHook.get_connection(conn_id).conn_type
        except AirflowNotFoundException:
            said = f"there is no such connection, and failures of {name} are told to it."
            cure = "Make it, or take it out of 'alert'."
            yield Finding(State.ILL, f"alert {conn_id}", said, cure)
        else:
            yield Finding(State.WELL, f"alert {conn_id}", f"of type {kind}")


def _stubs(catalog: Catalog) -> Iterator[Finding]:
    from airflow_ml_provider.cli.compile import planned

    done = planned([catalog.folder]).compilation
    old = len(done.changed) + len(done.stale)
    if not (old or done.kept):
        return  # nobody compiles here
    if old or done.added:
        said = (
            f"{old} out of date, {len(done.added)} missing: such a pipeline has no Dag, or an "
            "import error in its place."
        )
        yield Finding(State.ILL, "stubs", said, "Run: airflow-ml compile")
    else:
        yield Finding(State.WELL, "stubs", f"{len(done.kept)}, as their YAML wants them")
