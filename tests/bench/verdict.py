"""Row 5: the staleness verdict on a model that is trained on 10,000 partitions."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.ledger import Line
from airflow_ml_provider.domain.pipeline import FeatureView, TrainedModel
from airflow_ml_provider.domain.staleness import RetrainPolicy, Verdict
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import LabelSource, Stage, Training
from airflow_ml_provider.domain.window import Calendar, Granularity, Window
from airflow_ml_provider.steps.judgement import CHAMPION, judge, snapshot
from airflow_ml_provider.stores.duckdb.store import DuckDBStore
from tests.bench.figure import Figure, excess
from tests.bench.measure import cost, in_turns

GROUP = "staleness verdict"
NOTE = """\
steps.judge on a model whose window and whose champion's window hold 10,000 hourly partitions
each, 24 h apart, with every cause asked for, in an open DuckDB store. Beside it: one read of the
10,000 ledger lines of its window. Figure: the difference, processor time."""
CALENDAR = Calendar(Granularity.HOUR)
FIRST = datetime(2013, 1, 1, tzinfo=UTC)
NOW = datetime(2015, 1, 1, tzinfo=UTC)
TABLE = TableName("bench", "features")
DAY = timedelta(hours=24)


def fit(dataset: object, params: object) -> None:
    """Stand for the training function, whose code is fingerprinted."""


def figures(*, quick: bool) -> list[Figure]:
    """Judge the model again and again."""
    hours = 500 if quick else 10_000
    model = _model(hours)
    with tempfile.TemporaryDirectory() as folder, DuckDBStore(Path(folder, "s.duckdb")) as store:
        last = _filled(store, hours)
        _crowned(store, model, CALENDAR.window_at(last.start - DAY))

        def judged() -> float:
            return 1000 * cost(lambda: _judged(store, model, last)).cpu

        def read() -> float:
            return 1000 * cost(lambda: _lines(store, last, hours)).cpu

        times = in_turns(2 if quick else 9, {"judge": judged, "read": read})
    return [
        excess(GROUP, f"{hours:,} partitions", times["judge"], times["read"], "ms", 50),
    ]


def _model(hours: int) -> TrainedModel:
    view = FeatureView("bench.features", TABLE, CALENDAR, ("id",), "hour", sql="SELECT 1")
    return TrainedModel(
        "bench.model",
        (view,),
        LabelSource(TABLE, "y", "hour"),
        timedelta(hours=hours),
        f"{__name__}:{fit.__name__}",
        CALENDAR,
        retrain=RetrainPolicy(
            age=30 * DAY, new_rows_fraction=0.9, code=True, config=True, restated=True
        ),
    )


def _filled(store: DuckDBStore, hours: int) -> Window:
    """Put a committed line for each hour into the ledger, and return the last window."""
    store.ledger.session.execute(
        "INSERT INTO ml_partition (table_schema, table_name, partition_key, token, owner, "
        "claimed_at, committed_token, committed_at, changed_token, changed_at, window_start, "
        "window_end, row_count, content_hash, schema_hash, code, params, inputs) "
        "SELECT 'bench', 'features', strftime(began, '%Y-%m-%dT%H'), 1, 'bench', began, 1, began, "
        "1, began, began, began + INTERVAL 1 HOUR, 1000, md5(began::TEXT), 'schema', 'code', "
        """'params', '{"raw.bench": "1"}' """
        "FROM (SELECT TIMESTAMP '2013-01-01' + INTERVAL (i) HOUR AS began FROM range($1) r(i))",
        (hours + 24,),
    )
    return CALENDAR.window_at(FIRST + timedelta(hours=hours + 23))


def _crowned(store: DuckDBStore, model: TrainedModel, window: Window) -> None:
    """Make the training as of ``window`` the champion's."""
    from dataclasses import replace

    trained = replace(snapshot(store.ledger, model, window), version="1")
    key, since = trained.train_key, window.end
    store.ledger.save_training(Training(model.name, key, trained, since, "first", Stage.PROMOTED))
    store.ledger.move_alias(model.name, CHAMPION, Reign(1, "1", since, NOW, "bench", ""), 0)


def _judged(store: DuckDBStore, model: TrainedModel, window: Window) -> None:
    found, _ = judge(store, model, window, NOW)
    if found.verdict is not Verdict.FRESH:
        msg = f"The verdict is {found.reason}: not all causes were looked at."
        raise RuntimeError(msg)


def _lines(store: DuckDBStore, last: Window, hours: int) -> list[Line]:
    return list(store.ledger.lines(TABLE, last.end - timedelta(hours=hours), last.end))
