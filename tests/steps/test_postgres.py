from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.training import Stage
from airflow_ml_provider.stores.open import open_store
from tests.steps.conftest import USER_CODE, City, trips
from tests.stores.conftest import Place, postgres, postgres_server

__all__ = ["postgres", "postgres_server"]

DAYS = [f"2024-01-{number:02}" for number in range(1, 5)]


@pytest.fixture
def town(postgres: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    from adbc_driver_postgresql import dbapi

    (tmp_path / "town_on_postgres.py").write_text(USER_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    with dbapi.connect(postgres.location) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA raw")
        cursor.adbc_ingest("trips", trips(days=4), mode="create", db_schema_name="raw")
        connection.commit()
    with open_store("postgres", postgres.location) as store:
        yield City(tmp_path, "town_on_postgres", store, tries=itertools.count(1))


@pytest.mark.postgres
def test_features_training_and_predictions_work_alike_on_postgres(town):
    assert town.materialize(*DAYS).line.rows == 72
    assert town.materialize(DAYS[0]).change is Change.SKIPPED
    assert town.retrain(DAYS[2]).stage is Stage.PROMOTED
    done = town.infer(DAYS[3])
    assert (done.change, done.line.rows) == (Change.WRITTEN, 72)
    assert town.infer(DAYS[3], run="again").change is Change.SKIPPED
