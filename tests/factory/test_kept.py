"""Recipes that are kept make the Dags that reading everything again would make."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import given, settings

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.factory.build import dag_of
from airflow_ml_provider.factory.kept import recipes_of
from airflow_ml_provider.factory.planning import recipes
from airflow_ml_provider.factory.recipe import Recipe, calendar_of
from airflow_ml_provider.factory.shelf import Shelf
from airflow_ml_provider.factory.world import airflows_variable
from airflow_ml_provider.spec import (
    LoadedSystem,
    SpecError,
    System,
    batch_predictions,
    feature_views,
    load,
    trained_models,
)
from airflow_ml_provider.spec.inputs import Look
from tests.spec.test_properties import systems

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "dags" / "flights.yaml"
FLEET = HERE / "dags" / "fleet.yaml"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "recipes")


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE / "dags", tmp_path / "dags")) / "fleet.yaml"


def found(path: Path, shelf: Shelf, only: str | None = None) -> list[Recipe]:
    return recipes_of(path, only=only, shelf=shelf, look=Look())


def serialized(made: list[Recipe]) -> str:
    dags = [DagSerialization.to_dict(dag_of(recipe)) for recipe in made]
    return json.dumps(dags, sort_keys=True)


def refused(path: Path, world: object = None) -> None:
    msg = f"{path} was loaded again"
    raise AssertionError(msg)


@pytest.fixture
def no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_ml_provider.spec.load", refused)


@pytest.mark.parametrize("path", [SHIPPED, FLEET], ids=lambda path: path.stem)
def test_dags_of_kept_recipes_are_byte_for_byte_those_of_the_file(
    path: Path, shelf: Shelf, request: pytest.FixtureRequest
) -> None:
    fresh = recipes(load(path))
    assert found(path, shelf) == fresh
    request.getfixturevalue("no_loading")

    kept = found(path, shelf)

    assert kept == fresh
    assert serialized(kept) == serialized(fresh)


@given(systems())
@settings(max_examples=40, deadline=None)
def test_every_pipeline_comes_back_from_its_recipe(system: System) -> None:
    loaded = LoadedSystem(system, Path("x.yaml"))
    made = json.loads(json.dumps(recipes(loaded)))
    pipelines = [
        pipeline
        for kind in (feature_views, trained_models, batch_predictions)
        for pipeline in kind(loaded).values()
    ]

    assert made == recipes(loaded)
    for recipe, pipeline in zip(made, pipelines, strict=True):
        kind = type(pipeline).__name__
        calendar = calendar_of(recipe)
        outline = Outline(kind, recipe["dag_id"], calendar, recipe["pipeline"])
        assert outline.whole() == pipeline
        assert (outline.name, outline.calendar) == (pipeline.name, pipeline.calendar)


@pytest.mark.parametrize("position", range(6))
def test_each_dag_of_a_kept_file_can_be_had_alone(
    fleet: Path, shelf: Shelf, position: int, request: pytest.FixtureRequest
) -> None:
    every = found(fleet, shelf)
    request.getfixturevalue("no_loading")

    assert found(fleet, shelf, every[position]["dag_id"]) == [every[position]]


@pytest.mark.parametrize("dag_id", ["fleet.trip", "leet.trips", 'fleet"trips', "weekly", "ß"])
def test_a_dag_that_the_file_does_not_make_is_not_found(
    fleet: Path, shelf: Shelf, dag_id: str, request: pytest.FixtureRequest
) -> None:
    found(fleet, shelf)
    request.getfixturevalue("no_loading")

    assert found(fleet, shelf, dag_id) == []


def edited_within_a_tick(folder: Path) -> None:
    file = folder / "fleet.yaml"
    before = file.stat()
    text = file.read_text()
    file.write_text(text.replace("retries: 3", "retries: 4"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size


def edited_when_the_clock_was_set_back(folder: Path) -> None:
    file = folder / "fleet.yaml"
    file.write_text(file.read_text().replace("fleet-team", "other-team"))
    os.utime(file, (0, 0))


def another_query(folder: Path) -> None:
    file = folder / "trips.sql"
    file.write_text(file.read_text() + " -- changed")


def defaults_above(folder: Path) -> None:
    (folder.parent / "defaults.yaml").write_text("defaults: {inference: {chunk_rows: 7}}\n")


def another_stage(folder: Path) -> None:
    del folder
    os.environ["FLEET_STORE"] = "other"


@pytest.mark.parametrize(
    "change",
    [
        edited_within_a_tick,
        edited_when_the_clock_was_set_back,
        another_query,
        defaults_above,
        another_stage,
    ],
)
def test_no_change_is_missed(
    fleet: Path,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
) -> None:
    monkeypatch.setenv("FLEET_STORE", "warehouse")
    fleet.write_text(fleet.read_text().replace("store: warehouse", "store: ${env:FLEET_STORE}"))
    before = found(fleet, shelf)

    change(fleet.parent)

    after = found(fleet, shelf)
    assert after == recipes(load(fleet))
    assert after != before
    assert found(fleet, shelf) == after


def test_what_is_taken_back_is_seen(fleet: Path, shelf: Shelf) -> None:
    before = found(fleet, shelf)
    defaults_above(fleet.parent)
    found(fleet, shelf)

    (fleet.parent.parent / "defaults.yaml").unlink()

    assert found(fleet, shelf) == before


def test_what_another_file_left_behind_is_not_taken(
    fleet: Path, shelf: Shelf, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(fleet.parent, tmp_path / "moved")) / "fleet.yaml"
    moved.write_text(moved.read_text().replace("system: fleet", "system: moved"))
    found(fleet, shelf)
    [first] = (tmp_path / "recipes").iterdir()
    found(moved, shelf)
    [second] = {*(tmp_path / "recipes").iterdir()} - {first}

    shutil.copy(first, second)

    assert found(moved, shelf) == recipes(load(moved))


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    fleet: Path, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(path: Path, world: object = None) -> LoadedSystem:
        loaded = load(path)
        another_query(path.parent)
        return loaded

    with monkeypatch.context() as patch:
        patch.setattr("airflow_ml_provider.spec.load", slow)
        found(fleet, shelf)

    assert not (tmp_path / "recipes").exists()
    assert found(fleet, shelf) == recipes(load(fleet))


def test_a_file_that_asks_for_a_variable_is_kept_for_its_value(
    fleet: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store_in(look: Look) -> str | None:
        return recipes_of(fleet, shelf=shelf, look=look)[0]["store"]

    monkeypatch.setenv("AIRFLOW_VAR_FLEET_STORE", "warehouse")
    fleet.write_text(fleet.read_text().replace("store: warehouse", "store: ${var:fleet_store}"))
    assert store_in(Look(airflows_variable)) == "warehouse"
    with monkeypatch.context() as patch:
        patch.setattr("airflow_ml_provider.spec.load", refused)
        assert store_in(Look(airflows_variable)) == "warehouse"

    monkeypatch.setenv("AIRFLOW_VAR_FLEET_STORE", "lake")
    assert store_in(Look(airflows_variable)) == "lake"


SHOP = """\
system: shop
owner: growth
start: 2026-01-01
store: warehouse
timezone: America/New_York
sources: {orders: {table: raw.orders, time: at}}
features: {spend: {every: day, entity: [customer], time: day, from: [orders], sql: spend.sql}}
"""
GUEST = """\
system: guest
owner: growth
start: 2026-01-01
store: warehouse
timezone: America/New_York
sources: {labels: {table: raw.labels, time: at}}
training:
  churn:
    features: [shop.spend]
    label: {from: labels, column: gone}
    window: 28d
    train: guest_code:fit
    evaluate: guest_code:evaluate
"""


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    """A system that reads a feature of another one, which stands beside it."""
    folder = tmp_path / "tree"
    (folder / "ours").mkdir(parents=True)
    (folder / "theirs").mkdir()
    (folder / "defaults.yaml").write_text("root: true\n")
    (folder / "theirs" / "shop.yaml").write_text(SHOP)
    (folder / "theirs" / "spend.sql").write_text("SELECT 1")
    (folder / "ours" / "guest.yaml").write_text(GUEST)
    return folder / "ours" / "guest.yaml"


def test_a_file_that_reads_another_system_is_kept_while_that_is_the_same(
    guest: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = found(guest, shelf)
    monkeypatch.setattr("airflow_ml_provider.spec.load", refused)
    assert found(guest, shelf) == fresh


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("theirs/shop.yaml", SHOP.replace("every: day", "every: hour")),
        ("theirs/spend.sql", "SELECT 2"),
        ("theirs/defaults.yaml", "features: {shop: {}}\n"),
        ("a/shop.yaml", SHOP.replace("sql: spend.sql", "sql: ../theirs/spend.sql, table: x.y")),
        ("defaults.yaml", "owner: others\n"),
    ],
    ids=["its YAML", "its SQL", "its defaults", "another file of the name", "the root"],
)
def test_a_change_of_the_other_system_is_seen(
    guest: Path, shelf: Shelf, file: str, text: str
) -> None:
    def outcome() -> list[Recipe] | str:
        try:
            return found(guest, shelf)
        except SpecError as error:
            return str(error)

    before = outcome()
    assert outcome() == before
    changed = guest.parents[1] / file
    changed.parent.mkdir(exist_ok=True)
    changed.write_text(text)

    after = outcome()

    assert after != before
    assert isinstance(after, str) or after == recipes(load(guest))


@pytest.mark.parametrize("how", ["the environment", "airflow.cfg"])
def test_a_file_with_profiles_is_kept_for_the_active_one(
    fleet: Path, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def activate(name: str) -> None:
        if how == "the environment":
            monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__PROFILE", name)
        else:
            (tmp_path / "airflow.cfg").write_text(f"[airflow_ml]\nprofile = {name}\n")

    monkeypatch.setenv("AIRFLOW_CONFIG", str(tmp_path / "airflow.cfg"))
    profiles = "profiles: {prod: {retries: 5}, dev: {retries: 0}}"
    fleet.write_text(f"{fleet.read_text()}\n{profiles}\n")
    for name, retries in (("dev", 0), ("prod", 5), ("dev", 0)):
        activate(name)
        made = found(fleet, shelf)
        assert {each["retries"] for each in made} == {retries}
        with monkeypatch.context() as patch:
            patch.setattr("airflow_ml_provider.spec.load", None)
            assert found(fleet, shelf) == made


def test_a_faulty_file_is_told_every_time(fleet: Path, shelf: Shelf) -> None:
    found(fleet, shelf)
    fleet.write_text("system: fleet\n")

    for _ in range(2):
        with pytest.raises(SpecError):
            found(fleet, shelf)


START = """
import sys
from pathlib import Path
from airflow_ml_provider import load_pipelines
import airflow.sdk
from airflow.sdk.definitions.context import AirflowParsingContext
context = AirflowParsingContext(dag_id=sys.argv[2] or None, task_id="x")
airflow.sdk.get_parsing_context = lambda: context
made = {}
load_pipelines(made, "fleet.yaml", base=sys.argv[1])
loaded = [name for name in sys.modules if name.startswith("airflow_ml_provider.")]
print(len(made), *sorted(loaded))
"""


def test_a_task_that_starts_imports_neither_models_nor_rules(fleet: Path, tmp_path: Path) -> None:
    def start(dag_id: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", START, str(fleet.parent), dag_id],
            env={**os.environ, "AIRFLOW__AIRFLOW_ML__HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()[-1].split()

    assert start("")[0] == "6"

    made, *modules = start("fleet.demand")

    assert made == "1"
    rooms = {name.removeprefix("airflow_ml_provider.") for name in modules}
    assert {name for name in rooms if name.startswith("spec")} == {"spec", "spec.inputs"}
    assert {name for name in rooms if name.startswith("domain.")} == {
        "domain.errors",
        "domain.outline",
        "domain.window",
    }
    assert not any(name.startswith(("steps", "stores", "triggers")) for name in rooms)
