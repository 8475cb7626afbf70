from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_ml_provider.domain.errors import TableMissingError
from airflow_ml_provider.domain.pipeline import Source
from airflow_ml_provider.domain.readiness import SourceRule, Verdict
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Calendar, Granularity
from airflow_ml_provider.steps.inputs import Upstream
from airflow_ml_provider.steps.readiness import look
from tests.steps.conftest import NOW, day


def test_a_source_with_its_rows_is_ready(city):
    found = look(city.store, city.view, day("2024-01-02"), NOW)
    assert (found.verdict, "72 rows in the window" in found.reason) == (Verdict.READY, True)


def test_a_window_that_data_has_not_reached_waits_with_a_reason(city):
    source = replace(city.view.sources[0], rule=SourceRule(rows_min=1, watermark=True))
    found = look(city.store, replace(city.view, sources=(source,)), day("2024-01-11"), NOW)
    assert found.verdict is Verdict.WAIT
    assert "newest row 2024-01-10 23:00 UTC" in found.reason


def test_a_misspelt_table_is_an_error_and_not_a_wait(city):
    view = replace(city.view, sources=(Source("t", TableName("raw", "tripz"), "moment"),))
    with pytest.raises(TableMissingError, match=r"raw\.tripz"):
        look(city.store, view, day("2024-01-02"), NOW)


def test_a_prediction_waits_for_its_features_to_be_committed(city):
    window = day("2024-01-02")
    waiting = look(city.store, city.prediction, window, NOW)
    assert "missing 2024-01-02" in waiting.reason
    city.materialize(window.key)
    assert look(city.store, city.prediction, window, NOW).verdict is Verdict.READY


@pytest.mark.parametrize(
    ("granularity", "keys"),
    [
        (Granularity.HOUR, [f"2024-01-10T{hour:02}" for hour in range(24)]),
        (Granularity.DAY, ["2024-01-10"]),
        # A Wednesday lies inside a week that has not ended: the last whole one counts.
        (Granularity.WEEK, ["2024-01-01"]),
        (Granularity.MONTH, ["2023-12"]),
    ],
)
def test_a_day_needs_the_partitions_that_had_ended_by_its_end(granularity, keys):
    source = Upstream(TableName(None, "t"), Calendar(granularity))
    assert [window.key for window in source.windows(day("2024-01-10"))] == keys
