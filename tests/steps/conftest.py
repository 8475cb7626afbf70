"""A small city: hourly trips of three stations, features of them, a model and its predictions."""

from __future__ import annotations

import importlib
import itertools
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from airflow_ml_provider.domain.ledger import Materialization, Owner
from airflow_ml_provider.domain.pipeline import (
    BatchPrediction,
    FeatureView,
    Source,
    TrainedModel,
)
from airflow_ml_provider.domain.ports import ModelVersion
from airflow_ml_provider.domain.promotion import PromotionPolicy
from airflow_ml_provider.domain.readiness import SourceRule
from airflow_ml_provider.domain.staleness import RetrainPolicy, Staleness
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import LabelSource, Training
from airflow_ml_provider.domain.window import Calendar, Granularity, Window
from airflow_ml_provider.steps import inference, training
from airflow_ml_provider.steps.feature import materialize
from airflow_ml_provider.stores.open import open_store

DAYS = Calendar(Granularity.DAY)
NOW = datetime(2024, 3, 1, tzinfo=UTC)
RAW = TableName("raw", "trips")
_COUNTER = itertools.count()

USER_CODE = '''
import pyarrow as pa
import pyarrow.compute as pc

CALLS = []
MADE = 1


class Mean:
    """Predicts one number for every row."""

    def __init__(self, value):
        self.value = value

    def predict(self, frame):
        return [self.value] * len(frame)


def fit(dataset, params):
    CALLS.append(("fit", dataset.num_rows))
    mean = pc.mean(dataset["label"]).as_py() + params.get("off", 0)
    return Mean(mean), {"rows": dataset.num_rows}


def predict(model, batch):
    CALLS.append(("predict", batch.num_rows))
    return pa.table({"minutes": pa.repeat(pa.scalar(float(model.value)), batch.num_rows)})


def demand(window, trips, params):
    CALLS.append(("demand", window.key))
    return pa.table({
        "station": trips["station"],
        "moment": trips["moment"],
        "riders": trips["riders"],
    })
'''

DEMAND = """
SELECT station, moment, riders FROM raw.trips WHERE moment >= :window_start AND moment < :window_end
"""


class MemoryRegistry:
    """A registry in this process."""

    address = "memory"

    def __init__(self) -> None:
        self.kept: list[tuple[ModelVersion, Any]] = []
        self.aliases: dict[tuple[str, str], str] = {}
        self.registered = 0

    def register(self, model: str, artifact: Any, *, train_key: str, **_: Any) -> ModelVersion:
        self.registered += 1
        found = self.find(model, train_key)
        if found is None:
            number = str(sum(version.model == model for version, _ in self.kept) + 1)
            found = ModelVersion(model, number, train_key, f"memory:{model}/{number}")
            self.kept.append((found, artifact))
        return found

    def find(self, model: str, train_key: str) -> ModelVersion | None:
        keyed = (v for v, _ in self.kept if (v.model, v.train_key) == (model, train_key))
        return next(keyed, None)

    def versions(self, model: str) -> list[ModelVersion]:
        return [version for version, _ in self.kept if version.model == model]

    def load(self, model: str, version: str) -> Any:
        return next(a for v, a in self.kept if (v.model, v.version) == (model, version))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        self.aliases[model, alias] = version

    def alias(self, model: str, alias: str) -> str | None:
        return self.aliases.get((model, alias))

    def log_metrics(self, model: str, version: str, metrics: Any) -> None:
        pass


@dataclass
class City:
    """The world of these tests, one verb a method."""

    folder: Path
    module: str
    store: Any
    registry: Any = field(default_factory=MemoryRegistry)
    tries: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.view = FeatureView(
            name="city.demand",
            table=TableName("features", "demand"),
            calendar=DAYS,
            entity=("station",),
            time="moment",
            sources=(Source("trips", RAW, "moment", SourceRule(rows_min=1)),),
            sql=DEMAND,
        )
        self.model = TrainedModel(
            name="city.minutes",
            features=(self.view,),
            label=LabelSource(RAW, "minutes", "moment"),
            window=timedelta(days=3),
            train=f"{self.module}:fit",
            calendar=DAYS,
            retrain=RetrainPolicy(age=timedelta(days=2), restated=True, code=True),
            promote=PromotionPolicy("rmse"),
        )
        self.prediction = BatchPrediction(
            name="city.expected",
            table=TableName("predictions", "expected"),
            features=(self.view,),
            model="city.minutes",
            predict=f"{self.module}:predict",
            calendar=DAYS,
            chunk_rows=30,
        )

    @property
    def path(self) -> str:
        return str(self.folder / "store.duckdb")

    @property
    def calls(self) -> list[tuple[str, Any]]:
        return sys.modules[self.module].CALLS  # type: ignore[no-any-return]

    def sql(self, text: str, **values: Any) -> list[Any]:
        self.store.release()
        with duckdb.connect(self.path) as connection:
            return connection.execute(text, values or None).fetchall()

    def change_code(self, before: str, after: str) -> None:
        path = self.folder / f"{self.module}.py"
        path.write_text(path.read_text().replace(before, after))

    def owner(self, task: str = "task", run: str = "run") -> Owner:
        return Owner("dag", run, task, try_number=next(self.tries))

    def materialize(self, *keys: str, view: FeatureView | None = None) -> Materialization:
        done = [
            materialize(self.store, view or self.view, day(key), self.owner(), NOW) for key in keys
        ]
        return done[-1]

    def reload(self) -> None:
        linecache.checkcache()
        importlib.reload(sys.modules[self.module])

    def judge(self, key: str) -> Staleness:
        return self.judge_window(day(key))

    def judge_window(self, window: Window) -> Staleness:
        return training.judge(self.store, self.model, window, NOW)[0]

    def build(self, key: str) -> Training:
        return self.build_key(key, self.judge(key).train_key)

    def build_key(self, key: str, train_key: str) -> Training:
        return training.build_dataset(
            self.store, self.model, day(key), train_key, self.owner("build"), NOW
        )

    def train(self, train_key: str) -> Training:
        return training.train(self.store, self.registry, self.model, train_key)

    def evaluate(self, train_key: str) -> Training:
        return training.evaluate(self.store, self.registry, self.model, train_key)

    def promote(self, train_key: str) -> Training:
        return training.promote(
            self.store, self.registry, self.model, train_key, self.owner("promote"), NOW
        )

    def retrain(self, key: str) -> Training:
        built = self.build(key)
        self.train(built.train_key)
        self.evaluate(built.train_key)
        return self.promote(built.train_key)

    def pin(self, key: str, run: str = "run") -> Any:
        return inference.pin(self.store, self.prediction, day(key), run)

    def predict(self, key: str, held: Any, chunk: int = 0) -> Materialization:
        return inference.predict(
            self.store,
            lambda: self.registry,
            self.prediction,
            day(key),
            held,
            chunk,
            self.owner("predict"),
            NOW,
        )

    def commit(self, key: str, held: Any) -> Materialization:
        return inference.commit(
            self.store, self.prediction, day(key), held, self.owner("commit"), NOW
        )

    def infer(self, key: str, run: str = "run") -> Materialization:
        held = self.pin(key, run)
        for chunk in range(held.chunks):
            self.predict(key, held, chunk)
        return self.commit(key, held)

    def missing_source(self) -> FeatureView:
        source = Source("trips", TableName("raw", "tripz"), "moment")
        return replace(self.view, sources=(source,))

    def policy(self, **changes: Any) -> None:
        self.model = replace(self.model, retrain=replace(self.model.retrain, **changes))


def day(key: str) -> Window:
    return DAYS.window(key)


def trips(days: int) -> pa.Table:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(24 * days)]
    rows = [(station, at) for at in hours for station in ("north", "south", "west")]
    return pa.table(
        {
            "station": [station for station, _ in rows],
            "moment": pa.array([at for _, at in rows], pa.timestamp("us", "UTC")),
            "riders": [at.hour + len(station) for station, at in rows],
            "minutes": [float(at.hour + at.day) for _, at in rows],
        }
    )


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    module = f"city_ml_{next(_COUNTER)}"
    (tmp_path / f"{module}.py").write_text(USER_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "store.duckdb"
    with duckdb.connect(str(path)) as connection:
        given = trips(days=10)
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE TABLE raw.trips AS SELECT * FROM given")
        assert given.num_rows == 720
    with open_store("duckdb", str(path)) as store:
        yield City(tmp_path, module, store)
