"""The active profile is laid over what a system and the files up its tree say."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.spec import SpecError, World, load

SYSTEM = """\
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: at}
features:
  spend: {every: day, entity: [customer], from: [orders], sql: one.sql, params: {least: 5, most: 9}}
profiles:
  dev:
    end: 2026-02-01
    sources: {orders: {table: sample.orders}}
    features: {spend: {params: {least: 1}}}
  prod: {owner: on-call, store: warehouse}
"""


def under(profile: str | None) -> World:
    return World(profile=lambda: profile)


def test_mappings_are_merged_and_all_else_is_replaced(system_file):
    path = system_file(SYSTEM)

    dev, prod = load(path, under("dev")).system, load(path, under("prod")).system

    assert (dev.sources["orders"].table, dev.sources["orders"].time) == ("sample.orders", "at")
    assert dev.features["spend"].params == {"least": 1, "most": 9}
    assert (dev.owner, dev.store, prod.owner, prod.store) == (
        "growth", None, "on-call", "warehouse",
    )  # fmt: skip


def test_without_a_profile_a_system_means_what_it_says_outside_of_them(system_file):
    plain = SYSTEM[: SYSTEM.index("profiles:")]

    assert load(system_file(SYSTEM)).fingerprint == load(system_file(plain)).fingerprint


def test_a_profile_up_the_tree_counts_less_than_the_system_itself(system_file, tmp_path: Path):
    (tmp_path / "defaults.yaml").write_text(
        "root: true\nstore: everyday\nprofiles:\n  prod: {store: lake, registry: models}\n"
        "  stage: {retries: 9, defaults: {features: {time: moment}}}\n"
    )
    path = system_file(SYSTEM)

    prod, stage = load(path, under("prod")).system, load(path, under("stage")).system

    assert (prod.store, prod.registry) == ("warehouse", "models")
    assert (stage.store, stage.retries, stage.features["spend"].time) == ("everyday", 9, "moment")
    assert load(path).profiles == ("dev", "prod", "stage")


def test_an_unknown_profile_is_told_where_profiles_are_declared(system_file):
    with pytest.raises(SpecError) as caught:
        load(system_file(SYSTEM), under("pord"))

    [fault] = caught.value.faults
    assert (fault.line, fault.message) == (
        8,
        "profiles: there is no profile 'pord', which is the active one",
    )
    assert fault.hint.startswith("Did you mean 'prod'? Accepted: dev, prod.")


def test_a_system_without_profiles_cares_for_none(system_file):
    plain = SYSTEM[: SYSTEM.index("profiles:")]
    asked = []

    load(system_file(plain), World(profile=lambda: asked.append("asked")))

    assert asked == []


def test_a_fault_in_a_profile_points_into_the_profile(system_file):
    text = SYSTEM.replace("{params: {least: 1}}", "{every: dayly, params: {least: 1}}")

    with pytest.raises(SpecError) as caught:
        load(system_file(text), under("dev"))

    [fault] = caught.value.faults
    assert fault.excerpt.strip().startswith("features: {spend: {every: dayly")
    assert fault.excerpt[fault.column - 1 :].startswith("dayly")


def test_a_profile_may_narrow_a_matrix(system_file):
    text = SYSTEM.replace("spend: {every", "spend: {matrix: {region: [eu, us]}, every")
    text = text.replace("{params: {least: 1}}", "{matrix: {region: [eu]}}")

    assert list(load(system_file(text), under("dev")).system.features) == ["spend_eu"]
    assert list(load(system_file(text)).system.features) == ["spend_eu", "spend_us"]
