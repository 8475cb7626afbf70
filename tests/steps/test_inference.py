from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_ml_provider.domain.errors import DataError, FunctionError
from airflow_ml_provider.domain.ledger import Change

DAYS = [f"2024-01-{number:02}" for number in range(1, 11)]


@pytest.fixture
def served(city):
    """A city whose first champion serves from the fourth day on."""
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[2])
    city.calls.clear()
    return city


def test_predictions_carry_entity_time_answer_and_model(served):
    done = served.infer(DAYS[3])
    assert (done.change, done.line.rows) == (Change.WRITTEN, 72)
    columns = [column.name for column in served.store.columns(served.prediction.table)]
    assert columns == ["station", "moment", "minutes", "model", "model_version"]
    assert served.sql("SELECT DISTINCT model, model_version FROM predictions.expected") == [
        ("city.minutes", "1")
    ]


def test_chunks_are_as_many_as_the_rows_ask_for_and_miss_none(served):
    held = served.pin(DAYS[3])
    assert held.chunks == 3
    served.infer(DAYS[3])
    sizes = [rows for name, rows in served.calls if name == "predict"]
    assert (len(sizes), sum(sizes)) == (3, 72)


def test_staging_is_empty_after_the_commit(served):
    served.infer(DAYS[3])
    assert served.sql("SELECT count(*) FROM predictions.expected__staging") == [(0,)]


def test_without_a_champion_nothing_is_pinned_and_the_reason_is_said(city):
    city.materialize(*DAYS[:4])
    held = city.pin(DAYS[3])
    assert held.version is None
    assert "no version of city.minutes is champion" in held.reason
    city.retrain(DAYS[2])
    assert city.pin(DAYS[3]).version == "1"


def test_a_pin_keeps_its_version_when_the_champion_moves(served):
    held = served.pin(DAYS[5])
    served.materialize(DAYS[6])
    served.retrain(DAYS[4])
    assert served.registry.alias("city.minutes", "champion") == "2"
    assert served.pin(DAYS[5]) == held
    assert served.pin(DAYS[5], run="another").version == "2"


def test_a_backfilled_window_is_not_scored_by_a_later_model(served):
    served.retrain(DAYS[5])
    assert served.registry.alias("city.minutes", "champion") == "2"
    assert served.pin(DAYS[3]).version == "1"
    # The first three days were trained on: no model may score them.
    assert served.pin(DAYS[2], run="too early").version is None


def test_commit_refuses_features_restated_after_the_pin(served):
    held = served.pin(DAYS[3])
    for chunk in range(held.chunks):
        served.predict(DAYS[3], held, chunk)
    served.sql("UPDATE raw.trips SET riders = 0 WHERE moment::date = DATE '2024-01-04'")
    served.materialize(DAYS[3])
    with pytest.raises(DataError, match="Start a new run for 2024-01-04"):
        served.commit(DAYS[3], held)
    assert served.store.ledger.line(served.prediction.table, DAYS[3]) is None
    # A new run pins what is there now.
    assert served.infer(DAYS[3], run="new").change is Change.WRITTEN


def test_commit_names_the_chunks_that_are_not_there(served):
    held = served.pin(DAYS[3])
    served.predict(DAYS[3], held, 0)
    with pytest.raises(DataError, match=r"Chunks \[1, 2\] of 3"):
        served.commit(DAYS[3], held)


def test_a_second_run_of_the_same_window_computes_nothing(served):
    served.infer(DAYS[3])
    served.calls.clear()
    assert served.infer(DAYS[3], run="again").change is Change.SKIPPED
    assert served.calls == []


def test_a_chunk_that_is_repeated_leaves_its_rows_once(served):
    held = served.pin(DAYS[3])
    for chunk in (0, 0, 1, 2, 1):
        served.predict(DAYS[3], held, chunk)
    assert served.commit(DAYS[3], held).line.rows == 72


def test_chunks_of_another_run_do_not_mix(served):
    other = served.pin(DAYS[3], run="other")
    for chunk in range(other.chunks):
        served.predict(DAYS[3], other, chunk)
    assert served.infer(DAYS[3]).line.rows == 72


def test_new_predictions_of_the_same_content_are_unchanged(served):
    served.infer(DAYS[3])
    served.change_code("CALLS = []", "CALLS = []\nLATER = 1")
    served.reload()
    assert served.infer(DAYS[3], run="again").change is Change.UNCHANGED


def test_a_day_without_rows_is_predicted_as_one_without_rows(served):
    served.sql("DELETE FROM raw.trips WHERE moment::date = DATE '2024-01-05'")
    served.materialize(DAYS[4])
    assert served.infer(DAYS[3]).line.rows == 72
    done = served.infer(DAYS[4])
    assert (done.change, done.line.rows) == (Change.WRITTEN, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return batch.slice(1)", "rows for a batch of"),
        ("return [1.0] * batch.num_rows", "a value of type list"),
        ("return batch.select(['station'])", "column 'station', which is added by itself"),
    ],
)
def test_a_wrong_prediction_says_what_is_wanted(served, body, said):
    served.change_code('CALLS.append(("predict", batch.num_rows))', body)
    served.reload()
    held = served.pin(DAYS[3])
    with pytest.raises(FunctionError, match=said):
        served.predict(DAYS[3], held)


def test_missing_features_are_named_before_anything_is_pinned(served):
    with pytest.raises(DataError, match=r"features\.demand are not there for 2024-01-09"):
        served.pin(DAYS[8])


def test_another_alias_than_champion_may_score(served):
    served.retrain(DAYS[5])
    served.prediction = replace(served.prediction, alias="previous")
    served.materialize(DAYS[6])
    assert served.pin(DAYS[6]).version == "1"
