"""Systems of one tree read each other's features by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.spec import (
    SpecError,
    batch_predictions,
    feature_views,
    load,
    trained_models,
)
from airflow_ml_provider.spec.catalog import catalog

FLIGHTS = """\
system: flights
owner: ml
start: 2026-01-01
sources:
  flights: {table: raw.flights, time: at}
features:
  delays: {every: day, entity: [route], from: [flights], sql: one.sql}
  noise: {every: day, entity: [route], from: [flights], sql: one.sql}
training:
  delay:
    {features: [delays], label: {from: flights, column: x}, window: 7d, train: "m:f"}
"""
SHOP = """\
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: at}
training:
  churn:
    {features: [flights.delays], label: {from: orders, column: x}, window: 7d, train: "m:f"}
inference:
  score: {features: [flights.delays], model: churn, predict: "m:f"}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "defaults.yaml").write_text("root: true\n")
    for name, text in (("flights", FLIGHTS), ("shop", SHOP)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.sql").write_text("SELECT 1")
        (tmp_path / name / f"{name}.yaml").write_text(text)
    return tmp_path


def faults(tree: Path) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(tree / "shop" / "shop.yaml")
    return [f"{fault.line}: {fault.message} {fault.hint}" for fault in caught.value.faults]


def test_a_feature_of_another_system_is_the_very_view_of_that_system(tree: Path):
    loaded = load(tree / "shop" / "shop.yaml")

    theirs = feature_views(load(tree / "flights" / "flights.yaml"))["delays"]
    assert trained_models(loaded)["churn"].features == (theirs,)
    assert batch_predictions(loaded)["score"].features == (theirs,)
    assert batch_predictions(loaded)["score"].calendar == theirs.calendar
    assert feature_views(loaded) == {}
    assert tree / "flights" / "flights.yaml" in loaded.files


def test_datasets_of_models_of_one_name_do_not_meet(tree: Path):
    (tree / "flights" / "flights.yaml").write_text(FLIGHTS.replace("  delay:", "  churn:"))

    ours = trained_models(load(tree / "shop" / "shop.yaml"))["churn"]
    theirs = trained_models(load(tree / "flights" / "flights.yaml"))["churn"]

    assert str(ours.dataset) == "shop.churn__dataset"
    assert str(theirs.dataset) == "flights.churn__dataset"


def test_only_the_file_that_is_named_is_read_as_yaml(tree: Path, monkeypatch):
    (tree / "broken.yaml").write_text("system: [\n")
    from airflow_ml_provider.spec import loader

    read: list[str] = []
    original = loader.read_document
    monkeypatch.setattr(
        loader, "read_document", lambda p, t: read.append(p.name) or original(p, t)
    )

    load(tree / "shop" / "shop.yaml")

    assert sorted(set(read)) == ["flights.yaml", "shop.yaml"]


def test_a_system_may_be_spread_over_files_of_any_name(tree: Path):
    text = FLIGHTS.replace("delays:", "others:").replace("[delays]", "[others]")
    (tree / "flights" / "flights.yaml").write_text(text)
    (tree / "flights" / "more.yaml").write_text(FLIGHTS)

    view = trained_models(load(tree / "shop" / "shop.yaml"))["churn"].features[0]

    assert view.name == "flights.delays"


def test_nothing_is_looked_for_outside_of_the_tree(tree: Path):
    (tree / "defaults.yaml").unlink()

    [first, *_] = faults(tree)

    assert first.startswith("8: training.churn: there is no system 'flights' in the tree")
    assert "Looked for below '.'" in first


def test_unknown_systems_and_features_are_told_with_what_was_meant(tree: Path):
    text = SHOP.replace("[flights.delays], label", "[flihgts.delays, flights.delay], label")
    (tree / "shop" / "shop.yaml").write_text(text)

    unknown_system, unknown_feature = faults(tree)

    assert "there is no system 'flihgts'" in unknown_system
    assert "Did you mean 'flights'?" in unknown_system
    assert "system 'flights' has no feature 'delay' Did you mean 'delays'?" in unknown_feature


def test_faults_of_another_system_are_told_in_a_line(tree: Path):
    (tree / "flights" / "flights.yaml").write_text(FLIGHTS.replace("owner: ml", "ownr: ml"))

    [first, *_] = faults(tree)

    assert "system 'flights' has faults of its own" in first
    assert "flights.yaml:1:1: the key 'owner' is missing" in first


def test_a_faulty_training_over_there_is_none_of_our_business(tree: Path):
    (tree / "flights" / "flights.yaml").write_text(FLIGHTS.replace("column: x", "colum: x"))

    assert load(tree / "shop" / "shop.yaml").system.system == "shop"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "store: lake",
            "'flights.delays' rests in the default store, and this system in the store",
        ),
        ("timezone: Europe/Berlin", "partitions of 'flights.delays' begin in UTC, not Europe/Ber"),
    ],
)
def test_another_store_or_another_zone_is_refused(tree: Path, line: str, told: str):
    (tree / "shop" / "shop.yaml").write_text(f"{SHOP}{line}\n")

    assert all(told in fault for fault in faults(tree))


def test_a_circle_across_systems_is_told(tree: Path):
    text = FLIGHTS.replace("raw.flights", "shop.score")
    (tree / "flights" / "flights.yaml").write_text(text)

    [fault] = faults(tree)

    assert "training.churn → flights.features.delays → inference.score → training.churn" in fault


def test_the_catalog_holds_both(tree: Path):
    found = catalog(tree)

    assert found.errors == []
    assert [entry.name for entry in found.entries if entry.system == "shop"] == [
        "shop.churn",
        "shop.score",
    ]
