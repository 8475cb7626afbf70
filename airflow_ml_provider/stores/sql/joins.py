"""SELECTs over feature tables: a point-in-time training dataset, and a batch to score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow_ml_provider.domain.errors import SchemaMismatchError, TableMissingError
from airflow_ml_provider.domain.ports import Column, Query
from airflow_ml_provider.domain.training import FeatureSource, LabelSource
from airflow_ml_provider.stores.connection.session import AsOf, Dialect
from airflow_ml_provider.stores.connection.statement import column_list, quoted, quoted_table

_OWN = ("label_time", "label", "split", "train_key")


@dataclass(frozen=True, slots=True)
class View:
    """A feature table with the columns it has."""

    source: FeatureSource
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if not self.columns:
            msg = f"Feature table {self.source.table} does not exist. Materialize it first."
            raise TableMissingError(msg)
        names = {column.name for column in self.columns}
        lacking = [c for c in (*self.source.entity, self.source.time) if c not in names]
        if lacking:
            msg = f"Feature table {self.source.table} has no column {lacking}; it has {names}."
            raise SchemaMismatchError(msg)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are neither the entity nor the event time."""
        join = {*self.source.entity, self.source.time}
        return tuple(column.name for column in self.columns if column.name not in join)


def entity_of(views: Sequence[View]) -> tuple[str, ...]:
    """Return the columns of every view's entity, each once."""
    return tuple(dict.fromkeys(name for view in views for name in view.source.entity))


def feature_names(views: Sequence[View]) -> tuple[tuple[str, ...], ...]:
    """
    Return, view by view, the names under which features come out.

    A feature whose name is taken (by an earlier view, the entity, the first view's event time or
    a column of the dataset itself) comes out as ``<table>__<column>``, in datasets and in batches
    to score alike.
    """
    taken = {*entity_of(views), views[0].source.time, *_OWN}
    named: list[tuple[str, ...]] = []
    for view in views:
        names = []
        for column in view.features:
            name = column if column not in taken else f"{view.source.table.name}__{column}"
            while name in taken:
                name += "_"
            taken.add(name)
            names.append(name)
        named.append(tuple(names))
    return tuple(named)


def point_in_time(
    dialect: Dialect,
    label: LabelSource,
    views: Sequence[View],
    *,
    start: datetime,
    end: datetime,
    split_at: datetime,
    train_key: str,
) -> Query:
    """Build the SELECT of a training dataset; see the port, and :func:`feature_names`."""
    entity = entity_of(views)
    spine = (
        f"SELECT {column_list(entity)}, {quoted(label.time)} AS label_time, "
        f"{quoted(label.column)} AS label FROM {quoted_table(label.table)} "
        f"WHERE {quoted(label.time)} >= {dialect.edge(':start')} "
        f"AND {quoted(label.time)} < {dialect.edge(':end')} "
        f"AND {quoted(label.column)} IS NOT NULL"
    )
    values: dict[str, object] = {"start": start, "end": end}
    joined, features = _joined(dialect, views, 0, "spine.label_time", values)
    values |= {"split_at": split_at, "train_key": train_key}
    early = f"spine.label_time < {dialect.edge(':split_at')}"
    columns = [
        column_list(entity, "spine."),
        "spine.label_time",
        *features,
        "spine.label",
        f"CASE WHEN {early} THEN 'train' ELSE 'holdout' END AS split",
        f"{dialect.text(':train_key')} AS train_key",
    ]
    order = ["spine.label_time", *(f"spine.{quoted(name)}" for name in entity), "spine.label"]
    return Query(_select(spine, columns, joined, dialect.ascending(order)), values)


def feature_rows(
    dialect: Dialect,
    views: Sequence[View],
    *,
    start: datetime,
    end: datetime,
    chunk: tuple[int, int],
) -> Query:
    """Build the SELECT of a batch to score; see the port, and :func:`feature_names`."""
    first = views[0]
    key = (*first.source.entity, first.source.time)
    time = quoted(first.source.time)
    spine = (
        f"SELECT * FROM {quoted_table(first.source.table)} "
        f"WHERE {time} >= {dialect.edge(':start')} AND {time} < {dialect.edge(':end')}"
    )
    values: dict[str, object] = {"start": start, "end": end}
    index, parts = chunk
    if parts > 1:
        keyed = [column for column in first.columns if column.name in key]
        spine += f" AND {dialect.positive(dialect.row_hash(keyed))} % :parts = :index"
        values |= {"parts": parts, "index": index}
    joined, features = _joined(dialect, views, 1, f"spine.{time}", values)
    own = zip(first.features, feature_names(views)[0], strict=True)
    columns = [
        column_list(key, "spine."),
        *(f"spine.{quoted(name)} AS {quoted(alias)}" for name, alias in own),
        *features,
    ]
    order = [f"spine.{quoted(name)}" for name in (first.source.time, *first.source.entity)]
    return Query(_select(spine, columns, joined, dialect.ascending(order)), values)


def _joined(
    dialect: Dialect, views: Sequence[View], begin: int, moment: str, values: dict[str, object]
) -> tuple[list[str], list[str]]:
    """Return the as-of joins of the views from ``begin`` on, and the features they bring."""
    joins: list[str] = []
    features: list[str] = []
    for number, (view, names) in enumerate(zip(views, feature_names(views), strict=True)):
        if number < begin:
            continue
        alias = f"f{number}"
        joins.append(dialect.newest(_as_of(view, alias, moment)))
        fresh = _fresh(dialect, view, alias, moment, values)
        for column, name in zip(view.features, names, strict=True):
            value = f"{alias}.{quoted(column)}"
            value = f"CASE WHEN {fresh} THEN {value} END" if fresh else value
            features.append(f"{value} AS {quoted(name)}")
    return joins, features


def _as_of(view: View, alias: str, moment: str) -> AsOf:
    source = view.source
    keys = tuple((f"spine.{quoted(name)}", quoted(name)) for name in source.entity)
    return AsOf(quoted_table(source.table), alias, quoted(source.time), moment, keys)


def _fresh(
    dialect: Dialect, view: View, alias: str, moment: str, values: dict[str, object]
) -> str:
    if view.source.max_age is None:
        return ""
    values[f"{alias}_max_age"] = view.source.max_age
    oldest = dialect.earlier(moment, f":{alias}_max_age")
    return f"{alias}.{quoted(view.source.time)} >= {oldest}"


def _select(spine: str, columns: Sequence[str], joins: Sequence[str], order: str) -> str:
    return (
        f"WITH spine AS ({spine}) SELECT {', '.join(columns)} FROM spine "
        f"{' '.join(joins)} ORDER BY {order}"
    )
