"""Differences: a change is followed through everything that reads what it makes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.factory.difference import Difference, State, differences
from airflow_ml_provider.factory.facts import Facts, code_in, facts_of
from airflow_ml_provider.spec import load
from airflow_ml_provider.steps.function import code_of

CHAIN = """\
system: chain
owner: me
start: 2026-01-01
sources:
  raw: {table: raw.events, time: at}
  firsts: {table: chain.first, time: at}
  seconds: {table: chain.second, time: at}
features:
  first: {every: day, entity: [id], time: at, from: [raw], sql: a.sql}
  second: {every: day, entity: [id], time: at, from: [firsts], sql: b.sql}
  third: {every: day, entity: [id], time: at, from: [seconds], sql: b.sql}
  apart: {every: day, entity: [id], time: at, from: [raw], sql: b.sql}
training:
  watchful: {features: [third], label: {from: raw, column: y}, window: 7d, train: "m:fit"}
  deaf:
    features: [third]
    label: {from: raw, column: y}
    window: 7d
    train: m:fit
    retrain: {any: [{age: 7d}]}
inference:
  scored: {features: [second, apart], model: watchful, predict: "m:predict"}
"""


def facts(folder: Path, text: str, sql: str = "SELECT 1") -> dict[str, Facts]:
    folder.mkdir(exist_ok=True)
    (folder / "chain.yaml").write_text(text)
    (folder / "a.sql").write_text(sql)
    (folder / "b.sql").write_text("SELECT 2")
    (folder / "m.py").write_text("def fit(d): ...\n\n\ndef predict(m, b): ...\n")
    return {each.name: each for each in facts_of(load(folder / "chain.yaml"))}


def told(found: list[Difference]) -> dict[str, tuple[State, list[bool]]]:
    """Return the state of each pipeline, and for each effect whether it is inherited."""
    return {d.facts.name: (d.state, [e.inherited for e in d.effects]) for d in found}


def test_a_changed_select_reaches_everything_behind_it_and_nothing_else(tmp_path: Path) -> None:
    old = facts(tmp_path / "old", CHAIN)
    new = facts(tmp_path / "new", CHAIN, sql="SELECT 3")

    assert told(differences(old, new)) == {
        "chain.first": (State.CHANGED, [False]),
        "chain.second": (State.TOUCHED, [True]),
        "chain.third": (State.TOUCHED, [True]),
        "chain.watchful": (State.TOUCHED, [True]),
        "chain.scored": (State.TOUCHED, [True]),
    }
    assert differences(old, old) == []


@pytest.mark.parametrize(
    ("was", "becomes", "reached"),
    [
        ("owner: me", "owner: you", {}),
        ("apart: {every: day", "apart: {every: hour", {"chain.apart", "chain.scored"}),
        ("apart: {", "apart: {table: other.apart, ", {"chain.apart", "chain.scored"}),
        ("third: {", "third: {params: {a: 1}, ", {"chain.third", "chain.watchful"}),
        (
            "time: at, from: [raw], sql: b",
            "time: at, from: [], sql: b",
            {"chain.apart", "chain.scored"},
        ),
    ],
)
def test_what_is_made_again_follows_from_what_was_changed(
    tmp_path: Path, was: str, becomes: str, reached: set[str]
) -> None:
    assert was in CHAIN
    old = facts(tmp_path / "old", CHAIN)
    new = facts(tmp_path / "new", CHAIN.replace(was, becomes))

    found = differences(old, new)

    assert {d.facts.name for d in found if any(e.remade for e in d.effects)} == set(reached)


def test_a_model_that_does_not_watch_its_code_is_not_called_stale(tmp_path: Path) -> None:
    old = facts(tmp_path / "old", CHAIN)
    new = facts(tmp_path / "new", CHAIN.replace("window: 7d", "window: 9d"))

    found = {d.facts.name: d.effects for d in differences(old, new)}

    assert [effect.remade for effect in found["chain.watchful"]] == [True]
    assert [effect.remade for effect in found["chain.deaf"]] == [False]
    assert "does not name config" in found["chain.deaf"][0].said


def test_code_is_fingerprinted_as_the_ledger_does(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "a_package_of_its_own"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("def fit(d): ...\n")
    monkeypatch.syspath_prepend(tmp_path)

    reference = "a_package_of_its_own.inner:fit"

    assert code_in([tmp_path], reference) == code_of(reference)
    assert code_in([], reference) == code_of(reference)
    assert code_in([tmp_path], "nowhere.at_all:fit") == "not found"
