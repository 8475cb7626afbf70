"""One entry with a matrix stands for several, and nothing grows without bounds."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given, settings, strategies as st

from airflow_ml_provider.spec import SpecError, batch_predictions, feature_views, load, parse
from airflow_ml_provider.spec.matrix import MAX_MADE
from airflow_ml_provider.spec.yaml12 import write_yaml

REGIONS = """
system: shop
owner: growth
start: 2026-01-01
sources:
  orders:
    matrix: {region: [eu, us]}
    table: raw.orders_${matrix:region}
    time: at
features:
  ${matrix:region}_spend:
    matrix: {region: [eu, us]}
    every: day
    entity: [customer]
    from: ["orders_${matrix:region}"]
    sql: one.sql
    table: ${matrix:region}.spend
    params: {region: "${matrix:region}", "sold_${matrix:region}": "in ${matrix:region}"}
training:
  churn:
    matrix: {region: [eu, us], days: [7, 28]}
    features: ["${matrix:region}_spend"]
    label: {from: "orders_${matrix:region}", column: gone}
    window: ${matrix:days}d
    train: shop.training:fit
    params: {days: "${matrix:days}"}
inference:
  score: {features: [eu_spend], model: churn_eu_28, predict: "shop.inference:predict"}
"""


def test_one_entry_makes_a_pipeline_for_each_choice(system_file):
    loaded = load(system_file(REGIONS))

    views = feature_views(loaded)
    assert list(views) == ["eu_spend", "us_spend"]
    assert str(views["us_spend"].table) == "us.spend"
    assert str(views["us_spend"].sources[0].table) == "raw.orders_us"
    assert views["us_spend"].params == {"region": "us", "sold_us": "in us"}
    assert list(loaded.system.training) == [
        "churn_eu_7", "churn_eu_28", "churn_us_7", "churn_us_28",
    ]  # fmt: skip
    assert batch_predictions(loaded)["score"].model == "shop.churn_eu_28"


def test_a_value_alone_keeps_its_type(system_file):
    system = load(system_file(REGIONS)).system

    assert system.training["churn_eu_7"].params == {"days": 7}
    assert system.training["churn_eu_7"].window.days == 7


def test_a_matrix_may_be_shared_by_all_entries_of_a_section(system_file):
    text = REGIONS.replace("    matrix: {region: [eu, us]}\n    every", "    every")

    system = load(system_file(f"{text}defaults:\n  features: {{matrix: {{region: [eu, us]}}}}\n"))

    assert list(system.system.features) == ["eu_spend", "us_spend"]


def test_no_and_on_are_regions_like_any_other(system_file):
    text = REGIONS.replace("[eu, us]", "[no, on]").replace("eu_spend", "no_spend")

    loaded = load(system_file(text.replace("churn_eu_28", "churn_no_28")))

    assert list(loaded.system.features) == ["no_spend", "on_spend"]


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        ({"a": list(range(MAX_MADE + 1))}, f"would make {MAX_MADE + 1} entries"),
        ({letter: list(range(10)) for letter in "abcdefghi"}, "would make 1,000,000,000 entries"),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(matrix, told):
    entry = {"matrix": matrix, "every": "day", "entity": ["c"], "from": [], "python": "a:b"}
    system = {"system": "s", "owner": "o", "start": "2026-01-01", "features": {"f": entry}}

    with pytest.raises(SpecError) as caught:
        parse(write_yaml(system))

    assert [told in fault.message for fault in caught.value.faults] == [True]


def test_entries_that_are_few_and_huge_are_a_bomb_too():
    params = {f"p{n}": list(range(9)) for n in range(200)}
    entry = {"every": "day", "entity": ["c"], "from": [], "python": "a:b", "params": params}
    group = {**entry, "matrix": {"a": list(range(100))}}
    system = {"system": "s", "owner": "o", "start": "2026-01-01", "features": {"f": group}}

    with pytest.raises(SpecError, match="a file may make 50,000 of them"):
        parse(write_yaml(system))


AXES = st.dictionaries(
    st.from_regex(r"[a-z]{1,4}", fullmatch=True),
    st.lists(st.from_regex(r"[a-z][a-z0-9]{0,3}", fullmatch=True), min_size=1, max_size=4, unique=True),
    min_size=1,
    max_size=3,
)  # fmt: skip


@given(AXES)
@settings(max_examples=40, deadline=None)
def test_every_choice_is_made_once_in_an_order_that_never_changes(axes):
    name = "f_" + "_of_".join(f"${{matrix:{axis}}}" for axis in axes)
    entry = {"matrix": axes, "every": "day", "entity": ["c"], "from": [], "python": "a:b"}
    text = write_yaml(
        {"system": "s", "owner": "o", "start": "2026-01-01", "features": {name: entry}}
    )

    first, again = parse(text), parse(text)

    assert list(first.features) == list(again.features)
    assert len(first.features) == prod(map(len, axes.values()))
    assert {feature.python for feature in first.features.values()} == {"a:b"}
