"""What a system leaves out comes from its own defaults, then from files up the tree."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from airflow_ml_provider.domain.window import Granularity
from airflow_ml_provider.spec import SpecError, feature_views, json_schema, load
from airflow_ml_provider.spec.catalog import catalog

SYSTEM = """\
system: shop
start: 2026-01-01
features:
  spend: {entity: [customer], from: [orders], sql: one.sql}
  visits: {every: hour, entity: [customer], from: [orders], sql: one.sql}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Write a system two folders below a root with defaults."""
    here = tmp_path / "team" / "shop"
    here.mkdir(parents=True)
    (here / "shop.yaml").write_text(SYSTEM)
    (here / "one.sql").write_text("SELECT 1")
    (tmp_path / "defaults.yaml").write_text(
        "root: true\nowner: platform\nretries: 5\nretry_delay: 1m\n"
        "sources:\n  orders: {table: raw.orders, time: at}\n"
        "defaults:\n  features: {every: day, time: moment}\n"
    )
    return tmp_path


def test_files_up_the_tree_fill_in_what_is_left_out(tree: Path) -> None:
    loaded = load(tree / "team" / "shop" / "shop.yaml")

    assert loaded.system.owner == "platform"
    assert loaded.system.retries == 5
    assert loaded.system.sources["orders"].table == "raw.orders"
    views = feature_views(loaded)
    assert views["spend"].calendar.granularity is Granularity.DAY
    assert views["visits"].calendar.granularity is Granularity.HOUR
    assert views["spend"].time == "moment"
    assert loaded.files[-1] == tree / "defaults.yaml"


def test_the_nearest_file_wins_and_the_system_itself_before_it(tree: Path) -> None:
    (tree / "team" / "defaults.yaml").write_text(
        "owner: growth\nretries: 3\ndefaults:\n  features: {time: at}\n"
    )
    path = tree / "team" / "shop" / "shop.yaml"
    path.write_text(SYSTEM + "retries: 1\ndefaults:\n  features: {every: week}\n")

    loaded = load(path)

    system = loaded.system
    assert (system.owner, system.retries, system.retry_delay) == (
        "growth",
        1,
        timedelta(minutes=1),
    )
    assert {feature.time for feature in system.features.values()} == {"at"}
    assert system.features["spend"].every is Granularity.WEEK
    assert loaded.files[-2:] == (tree / "team" / "defaults.yaml", tree / "defaults.yaml")


def test_nothing_is_taken_from_above_a_root(tree: Path) -> None:
    (tree / "team" / "defaults.yaml").write_text("root: true\nowner: growth\n")

    with pytest.raises(SpecError, match="unknown source 'orders'"):
        load(tree / "team" / "shop" / "shop.yaml")


def test_a_fault_in_an_inherited_value_points_to_where_it_stands(tree: Path, golden) -> None:
    (tree / "defaults.yaml").write_text(
        "root: true\nowner: platform\nretries: many\nsystem: shop\n"
        "sources:\n  orders: {table: raw.orders, time: at, reddy: {rows: 1}}\n"
        "defaults:\n  features: {every: dayly, tiem: moment}\n  traning: {window: 7d}\n"
    )

    with pytest.raises(SpecError) as caught:
        load(tree / "team" / "shop" / "shop.yaml")

    golden("inherited.txt", f"{caught.value}\n".replace(f"{tree}/", ""))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- owner", "the file must be a mapping of keys"),
        ("owner: [", "this is not YAML"),
        ("root: 1", "root: must be true or false"),
        ("defaults: features", "defaults: must be a mapping"),
        ("defaults: {features: day}", "defaults.features: must be a mapping"),
    ],
)
def test_a_broken_file_up_the_tree_is_told(tree: Path, text: str, told: str) -> None:
    (tree / "team" / "defaults.yaml").write_text(text)

    with pytest.raises(SpecError) as caught:
        load(tree / "team" / "shop" / "shop.yaml")

    assert any(
        fault.path == tree / "team" / "defaults.yaml" and told in fault.message
        for fault in caught.value.faults
    )


def test_defaults_are_no_system_of_their_own(tree: Path) -> None:
    found = catalog(tree)

    assert [entry.name for entry in found.entries] == ["shop.spend", "shop.visits"]
    assert found.errors == []


def test_the_schema_knows_what_may_be_inherited() -> None:
    schema = json_schema()

    defaults = schema["properties"]["defaults"]["properties"]
    assert set(defaults) == {"sources", "features", "training", "inference"}
    some = schema["$defs"][defaults["features"]["$ref"].rpartition("/")[2]]
    assert "every" in some["properties"]
    assert "required" not in some


def test_the_environment_says_where_things_are(system_file, monkeypatch) -> None:
    monkeypatch.setenv("STAGE", "dev")
    path = system_file(
        "system: shop\nowner: growth-${env:STAGE}\nstart: 2026-01-01\nstore: ${env:STAGE}_warehouse\n"
        "sources:\n  orders: {table: 'raw_${env:STAGE}.orders', time: at}\n"
        "features:\n  spend:\n    every: day\n    entity: [c]\n    from: [orders]\n"
        "    sql: one.sql\n    params: {price: '${env:STAGE} $1 {{ ds }}'}\n"
    )

    system = load(path).system

    assert (system.owner, system.store) == ("growth-dev", "dev_warehouse")
    assert system.sources["orders"].table == "raw_dev.orders"
    assert system.features["spend"].params == {"price": "${env:STAGE} $1 {{ ds }}"}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("${env:NOT_THERE}", "store: the environment has no variable 'NOT_THERE'"),
        ("${vra:x}", "store: cannot look up '${vra:x}'"),
        ("${HOME}", "store: cannot look up '${HOME}'"),
        (
            "${env:BAD}",
            "store: what '${env:BAD}' stands for is not accepted here (it is not shown)",
        ),
    ],
)
def test_what_cannot_be_looked_up_is_told(system_file, monkeypatch, written, told) -> None:
    monkeypatch.setenv("BAD", "a b")
    path = system_file(
        f"system: shop\nowner: growth\nstart: 2026-01-01\nstore: {written}\n"
        "features:\n  spend: {every: day, entity: [c], from: [], sql: one.sql}\n"
    )

    with pytest.raises(SpecError) as caught:
        load(path)

    assert [fault.message for fault in caught.value.faults] == [told]
