"""A feature gains a column: what datasets, models and predictions that are there make of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.training import Stage
from airflow_ml_provider.steps.dataset import TRAIN, read_split

DAYS = [f"2024-01-{number:02}" for number in range(1, 11)]
WIDER = """
SELECT station, moment, riders, riders * 2 AS seats
FROM raw.trips WHERE moment >= :window_start AND moment < :window_end
"""


@pytest.fixture
def grown(city):
    """A city with a champion, whose features have gained a column since."""
    city.materialize(*DAYS[:4])
    city.retrain(DAYS[2])
    city.view = replace(city.view, sql=WIDER, schema=SchemaPolicy.ADD_COLUMNS)
    city.model = replace(city.model, features=(city.view,))
    city.prediction = replace(city.prediction, features=(city.view,))
    city.materialize(*DAYS[4:8])
    return city


def columns(city, table) -> list[str]:
    return [column.name for column in city.store.columns(table)]


def test_without_a_policy_the_column_is_refused(city):
    city.materialize(DAYS[0])
    with pytest.raises(SchemaMismatchError, match="'seats' is unknown"):
        city.materialize(DAYS[1], view=replace(city.view, sql=WIDER))


def test_no_earlier_partition_looks_restated(city):
    city.materialize(*DAYS[:4])
    before = city.store.ledger.lines(city.view.table)
    wider = replace(city.view, sql=WIDER, schema=SchemaPolicy.ADD_COLUMNS)
    city.materialize(DAYS[4], view=wider)
    assert columns(city, city.view.table) == ["station", "moment", "riders", "seats"]
    assert city.store.ledger.lines(city.view.table)[:4] == before


def test_a_training_reads_the_column_and_one_of_before_does_not(grown):
    before = grown.store.ledger.trainings("city.minutes")[0]
    frozen = read_split(grown.store, grown.model, before.train_key, TRAIN)
    after = grown.retrain(DAYS[7])
    assert after.stage in {Stage.PROMOTED, Stage.KEPT}
    assert "seats" in columns(grown, grown.model.dataset)
    wider = read_split(grown.store, grown.model, after.train_key, TRAIN)
    assert set(wider.column_names) == {*frozen.column_names, "seats"}
    assert read_split(grown.store, grown.model, before.train_key, TRAIN).equals(frozen)


def test_predictions_go_on(grown):
    assert grown.infer(DAYS[4]).change is Change.WRITTEN


def test_a_prediction_may_gain_a_column_and_lose_it_again(grown):
    grown.infer(DAYS[4])
    narrow, wide = '"minutes": pa', '"sure": pa.repeat(1.0, batch.num_rows), "minutes": pa'
    grown.change_code(narrow, wide)
    grown.reload()
    with pytest.raises(SchemaMismatchError, match="'sure' is unknown"):
        grown.infer(DAYS[5])
    grown.change_code(wide, narrow)
    grown.reload()
    assert grown.infer(DAYS[5], run="rolled back").change is Change.WRITTEN
    grown.change_code(narrow, wide)
    grown.reload()
    grown.prediction = replace(grown.prediction, schema=SchemaPolicy.ADD_COLUMNS)
    assert grown.infer(DAYS[6]).change is Change.WRITTEN
    assert "sure" in columns(grown, grown.prediction.table)
    assert grown.sql("SELECT count(sure), count(*) FROM predictions.expected") == [(72, 216)]
