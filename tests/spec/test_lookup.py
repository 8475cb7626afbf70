"""What is looked up is looked up where it is said, and what it stands for is never told."""

from __future__ import annotations

import pytest

from airflow_ml_provider.spec import SpecError, World, load

SYSTEM = """\
system: shop
owner: ${var:team}
start: 2026-01-01
store: ${conn:warehouse}
registry: ${var:stage}_models
timezone: ${var:zone}
sources:
  orders: {table: "raw_${var:stage}.orders", time: at}
features:
  spend:
    {every: day, entity: [c], from: [orders], sql: one.sql, params: {a: "${var:x} {{ ds }} $1"}}
"""
KNOWN = {"team": "growth", "stage": "dev", "zone": "Europe/Berlin"}


def test_variables_and_connections_are_put_in_where_texts_are_typed(system_file):
    system = load(system_file(SYSTEM), World(variable=KNOWN.get)).system

    assert (system.owner, system.store, system.registry) == ("growth", "warehouse", "dev_models")
    assert (system.timezone, system.sources["orders"].table) == ("Europe/Berlin", "raw_dev.orders")
    assert system.features["spend"].params == {"a": "${var:x} {{ ds }} $1"}


def test_airflows_variables_of_the_environment_are_known_without_airflow(system_file):
    world = World({f"AIRFLOW_VAR_{name.upper()}": value for name, value in KNOWN.items()})

    assert load(system_file(SYSTEM), world).system.owner == "growth"


def test_a_lenient_world_takes_an_unknown_variable_for_well_chosen(system_file):
    system = load(system_file(SYSTEM), World({}, lenient=True)).system

    assert (system.owner, system.timezone) == ("team", "UTC")
    assert system.sources["orders"].table == "raw_stage.orders"


def test_a_connection_is_asked_for_only_where_somebody_can_answer(system_file):
    asked: list[str] = []
    world = World(variable=KNOWN.get, connection=lambda name: bool(asked.append(name)))

    with pytest.raises(SpecError, match="store: Airflow has no connection 'warehouse'"):
        load(system_file(SYSTEM), world)

    assert set(asked) == {"warehouse"}


@pytest.mark.parametrize("field", ["owner", "store", "timezone", "table"])
def test_what_a_variable_holds_is_in_no_error(system_file, field: str):
    held = "\x01hunter2 s3cr3t/"
    text = SYSTEM.replace("${conn:warehouse}", "${var:where}")
    name = {"owner": "team", "store": "where", "timezone": "zone", "table": "stage"}[field]

    with pytest.raises(SpecError) as caught:
        load(system_file(text), World(variable={**KNOWN, "where": "w", name: held}.get))

    told = [str(fault) for fault in caught.value.faults]
    assert any("is not accepted here (it is not shown)" in each for each in told)
    assert not any("hunter2" in each or "s3cr3t" in each for each in told)


@pytest.mark.parametrize("kind", ["env", "var"])
@pytest.mark.parametrize("name", ["DB_PASSWORD", "slack_token", "my_api_key", "client-secret"])
def test_what_is_named_like_a_secret_is_not_even_asked_for(system_file, kind: str, name: str):
    asked: list[str] = []
    text = SYSTEM.replace("${var:team}", f"${{{kind}:{name}}}")

    with pytest.raises(SpecError, match="is named like a secret, and is not looked up"):
        load(
            system_file(text), World({name: "hunter2"}, variable=lambda n: asked.append(n) or "x")
        )

    assert name not in asked
