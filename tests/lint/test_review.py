"""A review looks at every profile, at what is named, and between files."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.lint.review import Scope, reviewed
from airflow_ml_provider.spec import World
from tests.lint.conftest import SYSTEM

TRAINING = """\
training:
  churn:
    features: [spend]
    label: {from: orders, column: gone}
    window: 28d
    train: shop_code:fit
    evaluate: shop_code:evaluate
inference:
  score: {features: [spend], model: churn, predict: "shop_code:predict"}
"""
CODE = """\
def fit(dataset, params): ...
def evaluate(model, holdout): ...
def predict(model, batch): ...
"""


def test_a_good_system_has_no_faults(review):
    assert review(SYSTEM + TRAINING, code=CODE) == []


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("fit(dataset, params)", "fit()", "training.churn.train: 'shop_code:fit' takes ()"),
        ("(model, holdout)", "(model)", "training.churn.evaluate: 'shop_code:evaluate' takes"),
        ("(model, batch)", "(a, b, c, d)", "inference.score.predict: 'shop_code:predict' takes"),
    ],
)
def test_a_function_that_cannot_take_what_it_is_given_is_told(review, good, bad, told):
    [fault] = review(SYSTEM + TRAINING, code=CODE.replace(good, bad))

    assert told in fault


def test_a_feature_function_asks_for_what_is_offered(review):
    text = SYSTEM.replace("sql: spend.sql", "python: shop_code:spend")

    [fault] = review(text, code="def spend(ordres, window): ...\n")

    assert "asks for 'ordres', which is not offered" in fault
    assert "Did you mean 'orders'?" in fault


def test_every_profile_is_checked_and_a_fault_told_once(review):
    text = f"{SYSTEM}profiles:\n  dev: {{retries: many}}\n  prod: {{start: soon}}\n"

    first, second = review(text)

    assert "shop.yaml:9:18: retries: must be a whole number, got 'many' (profile dev)" in first
    assert "(profile prod)" in second
    assert review(text, profile="dev") == [first.replace(" (profile dev)", "")]


def test_variables_that_nobody_knows_are_taken_for_well_chosen(review):
    text = SYSTEM.replace("raw.orders", "'raw_${var:stage}.orders'")

    assert review(text) == []
    [fault] = review(text, world=World({}))
    assert "Airflow has no Variable 'stage'" in fault


def test_labels_that_are_taken_for_final_too_early_are_warned_of(review):
    text = SYSTEM.replace("time: moment}\nf", "time: moment, ready: {lateness: 6h}}\nf")

    [fault] = review(text + TRAINING, code=CODE)

    assert "warning: training.churn: labels are taken for final 0s after their time" in fault
    assert "Write 'matures: 6h' or more." in fault


def test_a_model_that_only_one_machine_sees_is_warned_of(review):
    [fault] = review(f"{SYSTEM}{TRAINING}store: warehouse\n", code=CODE)

    assert "warning: training.churn: its model rests in the default registry" in fault


@pytest.mark.parametrize(("written", "count"), [("no", 1), ("'no'", 0), ("false", 0), ("nope", 0)])
def test_a_param_that_looks_like_no_is_warned_of(review, written: str, count: int):
    text = SYSTEM.replace("sql: spend.sql", f"params: {{flag: {written}}}, sql: spend.sql")

    found = review(text, sql="SELECT :flag")

    assert [
        "warning: features.spend.params.flag: 'no' is text here" in each for each in found
    ] == [True] * count


def test_a_circle_through_three_systems_is_told(review, tmp_path: Path):
    for name, reads in (("one", "two"), ("two", "three"), ("three", "one")):
        Path(f"{name}.yaml").write_text(
            f"system: {name}\nowner: o\nstart: 2026-01-01\n"
            f"sources: {{s: {{table: {reads}.scored, time: t}}}}\n"
            "features: {f: {every: day, entity: [c], from: [s], python: 'm:f'}}\n"
            "training: {m: {features: [f], label: {from: s, column: l}, window: 7d, train: 'm:f'}}\n"
            "inference: {scored: {features: [f], model: m, predict: 'm:f'}}\n"
        )  # fmt: skip
    Path("m.py").write_text("def f(*s, **k): ...\n")
    files = [Path(f"{name}.yaml") for name in ("one", "two", "three")]

    found = reviewed(files, Scope(World()))

    assert sum("read each other in a circle" in fault.message for fault in found) == 1


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an embedded store with orders in it."""
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(tmp_path))
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE TABLE raw.orders (customer TEXT, moment TIMESTAMPTZ, gone INT)")


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("raw.orders", "raw.ordres", "sources.orders: the store has no table raw.ordres"),
        ("time: moment}", "time: moments}", "sources.orders: there is no column 'moments'"),
        ("[customer]", "[custmer]", "features.spend: there is no column 'custmer' Did you mean"),
        (
            "spend.sql}",
            "spend.sql, checks: {not_null: [x]}}",
            "features.spend: there is no column",
        ),
        ("column: gone", "column: went", "training.churn: there is no column 'went'"),
    ],
)
def test_columns_are_looked_for_in_the_store(review, good: str, bad: str, told: str):
    sql = "SELECT customer, moment FROM raw.orders WHERE moment >= :window_start;"
    assert review(SYSTEM + TRAINING, sql=sql, code=CODE, look=True) == []

    found = review((SYSTEM + TRAINING).replace(good, bad), sql=sql, code=CODE, look=True)

    assert any(told in each for each in found)


@pytest.mark.usefixtures("store")
def test_the_store_is_asked_about_the_sql_itself(review):
    [fault] = review(sql="SELECT custmer, moment FROM raw.orders", look=True)

    assert "shop.yaml:7" in fault
    assert "custmer" in fault


@pytest.mark.usefixtures("store")
def test_a_store_that_cannot_begin_a_new_version_is_told_before_the_first_write(
    review, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = (SYSTEM + TRAINING).replace("spend.sql}", "spend.sql, schema: new_version}")
    text = text.replace('shop_code:predict"}', 'shop_code:predict", schema: new_version}')
    sql = "SELECT customer, moment FROM raw.orders"
    assert review(text, sql=sql, code=CODE, look=True) == []

    lake = json.dumps({"conn_type": "parquet", "host": str(tmp_path / "lake")})
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", lake)
    found = review(f"{text}store: lake\n", sql=sql, code=CODE, look=True)

    told = [each for each in found if "cannot begin a new version" in each]
    assert [each.split(":")[1] for each in told] == ["7", "16"]
