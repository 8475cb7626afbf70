from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.outline import Outline, whole
from airflow_ml_provider.domain.pipeline import FeatureView
from airflow_ml_provider.domain.plain import from_plain, to_plain
from airflow_ml_provider.domain.staleness import RetrainPolicy
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Calendar, Granularity

VIEW = FeatureView(
    "shop.spend",
    TableName("shop", "spend"),
    Calendar(Granularity.DAY, "Europe/Berlin"),
    entity=("customer",),
    time="day",
    sql="SELECT 1",
    params={"limits": [1, 2.5, None], "deep": {"é": True}},
)


def test_an_outline_shows_a_name_and_a_calendar_and_makes_the_rest() -> None:
    outline: Outline[FeatureView] = Outline.of(VIEW)

    assert (str(outline), outline.calendar) == ("shop.spend", VIEW.calendar)
    assert outline.whole() == VIEW


def test_a_pipeline_may_be_given_either_way() -> None:
    assert whole(Outline.of(VIEW)) == whole(VIEW) == VIEW


def test_outlines_of_equal_pipelines_are_equal() -> None:
    again: Outline[FeatureView] = Outline.of(replace(VIEW))

    assert again == Outline.of(VIEW) == copy.deepcopy(again)
    assert len({again, Outline.of(VIEW)}) == 1
    assert again != Outline.of(replace(VIEW, time="hour"))


def test_the_constructor_of_the_pipeline_has_the_last_word() -> None:
    text = Outline.of(VIEW).text.replace('"python":null', '"python":"m:f"')

    with pytest.raises(ConfigurationError, match="either 'sql' or 'python'"):
        Outline("FeatureView", VIEW.name, VIEW.calendar, text).whole()


def test_only_pipelines_are_made_from_text() -> None:
    with pytest.raises(KeyError):
        Outline("TableName", "x", VIEW.calendar, '{"schema": null, "name": "x"}').whole()


def test_a_span_of_time_keeps_its_last_microsecond() -> None:
    policy = RetrainPolicy(age=timedelta(days=-1, seconds=5, microseconds=1), new_rows=3)

    assert from_plain(RetrainPolicy, to_plain(policy)) == policy


def test_what_is_no_value_of_a_pipeline_is_refused() -> None:
    with pytest.raises(TypeError, match="no value of a pipeline"):
        to_plain({"params": object()})
