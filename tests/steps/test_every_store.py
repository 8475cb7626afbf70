"""The city on the stores that are not the default one: whole pipelines work alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ml_provider.domain.ledger import Change, Owner, Recipe
from airflow_ml_provider.domain.table import TimeSlice
from airflow_ml_provider.domain.training import Stage
from airflow_ml_provider.stores.open import open_store
from tests.steps.conftest import NOW, RAW, USER_CODE, City, day, trips
from tests.stores.conftest import (
    Place,
    mysql,
    mysql_server,
    postgres,
    postgres_server,
    sqlite_file,
)

__all__ = ["mysql", "mysql_server", "postgres", "postgres_server", "sqlite_file"]

DAYS = [f"2024-01-{number:02}" for number in range(1, 5)]


@pytest.fixture(
    params=[
        "sqlite_file",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def town(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[City]:
    place: Place = request.getfixturevalue(request.param)
    module = f"town_on_{place.kind}"
    (tmp_path / f"{module}.py").write_text(USER_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    with open_store(place.kind, place.location) as store:
        city = City(tmp_path, module, store, tries=itertools.count(1))
        january = TimeSlice("moment", day(DAYS[0]).start, day(DAYS[-1]).end)
        store.replace(
            store.claim(RAW, "january", Owner("raw", "run", "load"), at=NOW),
            january,
            trips(days=4),
            window=None,
            recipe=Recipe("code", "params"),
            expectations=city.view.expectations,
            at=NOW,
        )
        yield city


def test_features_training_and_predictions_work_alike(town):
    assert town.materialize(*DAYS).line.rows == 72
    assert town.materialize(DAYS[0]).change is Change.SKIPPED
    assert town.retrain(DAYS[2]).stage is Stage.PROMOTED
    done = town.infer(DAYS[3])
    assert (done.change, done.line.rows) == (Change.WRITTEN, 72)
    assert town.infer(DAYS[3], run="again").change is Change.SKIPPED
