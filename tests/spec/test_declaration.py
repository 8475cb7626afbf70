"""Pipelines said in Python are the pipelines that YAML would say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from airflow_ml_provider import feature, inference, system, training
from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.spec import SpecError, System, assembled, load, parse
from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.source import Source
from tests.spec.test_properties import systems

YAML = """\
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: at}
features:
  daily: {every: day, entity: [customer], from: [orders], sql: one.sql}
  spend: {every: day, entity: [customer], from: [orders], python: "MODULE:spend"}
training:
  churn:
    features: [spend, daily]
    label: {from: orders, column: gone}
    window: 28d
    train: MODULE:fit
    evaluate: MODULE:judge
inference:
  predict: {features: [spend], model: churn, predict: "MODULE:predict"}
""".replace("MODULE", __name__)


@feature(every="day", entity=["customer"], reads=["orders"])
def spend(orders, window):
    return orders


def judge(model, holdout): ...


@training(
    name="churn",
    features=[spend, "daily"],
    label={"from": "orders", "column": "gone"},
    window="28d",
    evaluate=judge,
)
def fit(dataset): ...


@inference(features=[spend], model=fit)
def predict(model, batch): ...


def shop(**more: object) -> System:
    daily = Feature(every="day", entity=["customer"], reads=["orders"], sql="one.sql")
    keys = {
        "owner": "growth",
        "start": "2026-01-01",
        "sources": {"orders": Source(table="raw.orders", time="at")},
        "features": {"daily": daily},
    }
    return system("shop", spend, fit, predict, **{**keys, **more})


def test_it_is_the_system_that_yaml_says(system_file):
    path = system_file(YAML)

    made = assembled(shop(), path)

    assert made.system == load(path).system
    assert made.sql == load(path).sql
    assert made.fingerprint == load(path).fingerprint


def test_a_decorated_function_is_what_it_was():
    assert spend("rows", None) == "rows"
    assert vars(spend) == {}
    assert spend.__name__ == "spend"


@given(systems())
@settings(max_examples=30, deadline=None)
def test_every_system_survives_its_assembly(drawn: System):
    assert assembled(drawn, "made.py").system == drawn


def test_faults_point_into_the_yaml_that_it_would_be(tmp_path: Path):
    with pytest.raises(SpecError) as caught:
        assembled(shop(sources={}), tmp_path / "shop.py")

    told = str(caught.value)
    assert "unknown source 'orders'" in told
    assert "there is no SQL file 'one.sql'" in told
    assert f"{tmp_path / 'shop.py'} as YAML:" in told
    assert "- orders" in told


def test_a_wrong_value_is_told_with_its_cure():
    with pytest.raises(ValidationError, match=r"Write a number and one of s, m, h, d, w"):
        shop(retry_delay="7x")


def test_what_no_task_could_import_is_refused():
    @feature(every="day", entity=["c"], reads=[])
    def inner(window): ...

    with pytest.raises(ConfigurationError, match="cannot be imported where a task runs"):
        system("shop", inner, owner="o", start="2026-01-01")


def test_an_undeclared_function_and_a_name_given_twice_are_refused():
    with pytest.raises(ConfigurationError, match="'judge' was not declared"):
        system("shop", judge, owner="o", start="2026-01-01")
    with pytest.raises(ConfigurationError, match=r"two entries features\.spend"):
        system("shop", spend, spend, owner="o", start="2026-01-01")


def test_names_of_fields_are_no_keys_of_the_yaml():
    with pytest.raises(SpecError, match="unknown key 'reads'"):
        parse(YAML.replace("from: [orders], sql", "from: [orders], reads: [orders], sql"))


def test_declaring_needs_no_airflow():
    code = "import sys; from airflow_ml_provider import feature, system; print('airflow' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["False"]
