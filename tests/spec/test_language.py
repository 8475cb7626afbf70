"""The language: what a system may say, and what is meant when it says nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from math import inf, isnan
from pathlib import Path

import jsonschema
import pytest

from airflow_ml_provider.domain.staleness import RetrainPolicy
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.window import Granularity
from airflow_ml_provider.spec import (
    SpecError,
    batch_predictions,
    end_of,
    feature_views,
    json_schema,
    load,
    parse,
    start_of,
    trained_models,
)
from airflow_ml_provider.spec.document import read_document

FLIGHTS = Path(__file__).parents[2] / "dags" / "flights.yaml"
SHOP = """
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: at}
features:
  spend: {every: day, entity: [customer], from: [orders], sql: one.sql}
training:
  churn:
    features: [spend]
    label: {from: orders, column: gone}
    window: 28d
    train: shop.training:fit
inference:
  score: {features: [spend], model: churn, predict: 'shop.inference:predict'}
"""


def test_the_shipped_system_says_what_its_file_says():
    loaded = load(FLIGHTS)

    (view,) = feature_views(loaded).values()
    (model,) = trained_models(loaded).values()
    (prediction,) = batch_predictions(loaded).values()
    assert view.name == "flights.route_delays"
    assert view.sql == FLIGHTS.with_name("route_delays.sql").read_text()
    assert [source.rule.lateness for source in view.sources] == [timedelta(hours=6)] * 2
    assert model.features == (view,)
    assert model.retrain.new_rows_fraction == 0.9
    assert model.retrain.age == timedelta(days=5)
    assert model.promote is not None
    assert model.promote.better_by == 0.01
    assert prediction.model == model.name
    assert loaded.files == (FLIGHTS, FLIGHTS.with_name("route_delays.sql"))


def test_what_is_left_out_has_a_default(system_file):
    loaded = load(system_file(SHOP))

    view, model, prediction = (
        feature_views(loaded)["spend"],
        trained_models(loaded)["churn"],
        batch_predictions(loaded)["score"],
    )
    assert view.table == TableName("shop", "spend")
    assert view.time == "event_time"
    assert model.holdout == timedelta(days=5)
    assert model.calendar.granularity is Granularity.DAY
    assert model.retrain == RetrainPolicy(code=True, config=True, restated=True)
    assert model.promote is None
    assert prediction.alias == "champion"
    assert prediction.table == TableName("shop", "score")
    assert loaded.system.retry_delay == timedelta(minutes=5)
    assert loaded.system.alert == ()


@pytest.mark.parametrize(
    ("window", "every", "days"),
    [
        ("7d", "day", 1),
        ("28d", "day", 5),
        ("2d", "day", 1),
        ("10w", "week", 14),
        ("365d", "month", 73),
    ],
)
def test_a_holdout_is_a_fifth_in_whole_partitions(system_file, window, every, days):
    text = SHOP.replace("28d", window).replace("every: day", f"every: {every}")

    assert trained_models(load(system_file(text)))["churn"].holdout == timedelta(days=days)


def test_the_coarsest_feature_sets_the_pace(system_file):
    text = SHOP.replace(
        "\ntraining:",
        "\n  month: {every: month, entity: [c], from: [orders], sql: one.sql}\ntraining:",
    ).replace("features: [spend], model", "features: [spend, month], model")

    prediction = batch_predictions(load(system_file(text)))["score"]

    assert prediction.calendar.granularity is Granularity.MONTH


def test_dates_are_midnights_of_the_systems_zone():
    text = SHOP.replace("2026-01-01", "2026-01-01\nend: 2026-07-01T12:00\ntimezone: Europe/Berlin")
    from airflow_ml_provider.spec import LoadedSystem

    loaded = LoadedSystem(parse(text), Path("shop.yaml"))

    assert start_of(loaded) == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert end_of(loaded) == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_an_offset_is_kept():
    from airflow_ml_provider.spec import LoadedSystem

    system = parse(SHOP.replace("2026-01-01", "2026-01-01T06:00+02:00"))

    assert start_of(LoadedSystem(system, Path("x"))) == datetime(2026, 1, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("off", "off"), ("true", True), ("False", False), ("null", None),
        ("1_000", "1_000"), ("012", 12), ("0o14", 12), ("0x1f", 31), ("12:30", "12:30"),
        ("2013-01-01", "2013-01-01"), ("1e3", 1000.0), (".5", 0.5), ("-1.", -1.0), ("=", "="),
        (".inf", inf), ("-.INF", -inf), (".Nan", ".Nan"), ("!!int '7'", 7), ("!!str 7", "7"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = read_document(Path("x"), f"key: {text}").value

    assert found == {"key": value}
    assert isinstance(found["key"], type(value))


def test_a_number_that_is_none_is_read_as_such():
    found = read_document(Path("x"), "key: .nan").value
    assert isnan(found["key"])


def test_a_list_of_columns_is_one_unique_key(system_file):
    one = SHOP.replace("sql: one.sql}", "sql: one.sql, checks: {unique: [a, b]}}")
    two = SHOP.replace("sql: one.sql}", "sql: one.sql, checks: {unique: [[a, b], [c]]}}")

    assert feature_views(load(system_file(one)))["spend"].expectations.unique == (("a", "b"),)
    assert feature_views(load(system_file(two)))["spend"].expectations.unique == (
        ("a", "b"),
        ("c",),
    )


def test_an_accepted_value_is_text_as_the_store_writes_it(system_file):
    text = SHOP.replace("sql: one.sql}", "sql: one.sql, checks: {accepted: {a: [x, 1, true]}}}")

    view = feature_views(load(system_file(text)))["spend"]

    assert view.expectations.accepted == (("a", ("x", "1", "true")),)


def test_an_alias_of_yaml_is_taken(system_file):
    text = SHOP.replace("entity: [customer]", "entity: &key [customer]").replace(
        "sql: one.sql}", "sql: one.sql, checks: {not_null: *key}}"
    )

    assert feature_views(load(system_file(text)))["spend"].expectations.not_null == ("customer",)


def test_a_fingerprint_changes_with_the_sql_and_not_with_the_layout(system_file):
    path = system_file(SHOP)
    before = load(path).fingerprint
    path.write_text("# a comment\n" + SHOP.replace("28d", "4w"))
    assert load(path).fingerprint == before

    path.with_name("one.sql").write_text("SELECT 2")

    assert load(path).fingerprint != before


def test_a_link_that_leads_out_of_the_folder_is_refused(system_file, tmp_path_factory):
    path = system_file(SHOP)
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.sql"
    secret.write_text("SELECT 1")
    path.with_name("one.sql").unlink()
    path.with_name("one.sql").symlink_to(secret)

    with pytest.raises(SpecError, match="lies outside the folder"):
        load(path)


def test_a_carriage_return_and_a_byte_order_mark_do_no_harm(system_file):
    path = system_file(SHOP)
    plain = load(path).fingerprint
    path.write_bytes(b"\xef\xbb\xbf" + SHOP.replace("\n", "\r\n").encode())

    assert load(path).fingerprint == plain


def test_the_schema_accepts_what_we_accept_and_refuses_a_misspelt_key():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    value = read_document(FLIGHTS, FLIGHTS.read_text()).value

    jsonschema.validate(value, schema)
    value["features"]["route_delays"]["evry"] = "day"

    with pytest.raises(jsonschema.ValidationError, match="evry"):
        jsonschema.validate(value, schema)


def test_every_key_is_described(golden):
    schema = json_schema()
    tables = [schema, *schema["$defs"].values()]

    silent = [
        name
        for table in tables
        for name, key in table.get("properties", {}).items()
        if "description" not in key
    ]
    assert silent == []
    golden("schema.json", json.dumps(schema, indent=2) + "\n")


def test_every_default_of_the_schema_is_accepted_by_it() -> None:
    schema = json_schema()
    owners = [schema, *schema["$defs"].values()]
    fields = [about for owner in owners for about in owner.get("properties", {}).values()]
    checked = [about for about in fields if about.get("default") is not None]

    assert checked
    for about in checked:
        jsonschema.validate(about["default"], {**about, "$defs": schema["$defs"]})


def test_a_plain_file_loads_nothing_that_it_has_no_use_for():
    code = (
        "import sys; from airflow_ml_provider.spec import load; load(sys.argv[1])\n"
        "print(*(name.rpartition('.')[2] for name in sys.modules if '_ml_provider.spec.' in name))"
    )

    said = subprocess.run(
        [sys.executable, "-c", code, FLIGHTS], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "loader" in said
    assert not {"matrix", "neighbours", "tree", "schema", "assembly", "explanation"} & set(said)
