"""What holds for every system, and for every text that is none."""

from __future__ import annotations

import contextlib
import random
from datetime import timedelta
from pathlib import Path

import yaml
from hypothesis import example, given, settings, strategies as st

from airflow_ml_provider.spec import LoadedSystem, SpecError, System, dump, load, parse
from airflow_ml_provider.spec.document import read_document
from airflow_ml_provider.spec.reading import read_duration, write_duration
from airflow_ml_provider.spec.yaml12 import write_yaml

FLIGHTS = Path(__file__).parents[2] / "dags" / "flights.yaml"
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,4})?", fullmatch=True)
COLUMNS = st.from_regex(r"[A-Za-z][A-Za-z0-9 _é]{0,9}", fullmatch=True)
FUNCTIONS = st.sampled_from(["m:f", "pack.age.module:function"])
DURATIONS = st.builds(lambda n, unit: f"{n}{unit}", st.integers(1, 400), st.sampled_from("smhdw"))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PARAMS = st.dictionaries(st.text(max_size=6), PLAIN, max_size=3)


@st.composite
def systems(draw) -> System:
    """Draw a valid system of up to two of each kind."""
    names = draw(st.lists(NAMES, min_size=8, max_size=8, unique=True))
    sources, features, training, inference = names[:2], names[2:4], names[4:6], names[6:]
    every = draw(st.sampled_from(["hour", "day"]))
    value = {
        "system": draw(NAMES),
        "owner": draw(st.sampled_from(["ml", "team red", "yes", "1"])),
        "start": draw(st.sampled_from(["2013-01-01", "2020-02-29T06:30", "2020-02-29T06:30:00+02:00"])),
        "retry_delay": draw(DURATIONS),
        "sources": {
            name: {"table": f"raw.{name}", "time": draw(COLUMNS), "ready": {"lateness": draw(DURATIONS)}}
            for name in sources
        },
        "features": {
            name: {
                "every": every,
                "entity": [draw(COLUMNS)],
                "from": draw(st.lists(st.sampled_from(sources), unique=True)),
                "python": draw(FUNCTIONS),
                "params": draw(PARAMS),
                "checks": {"rows": {"min": draw(st.integers(0, 99))}, "accepted": {"a": ["1", "true", "é"]}},
            }
            for name in features
        },
        "training": {
            name: {
                "features": features,
                "label": {"from": sources[0], "column": draw(COLUMNS), "matures": draw(DURATIONS)},
                "window": f"{draw(st.integers(2, 99))}d",
                "train": draw(FUNCTIONS),
                "params": draw(PARAMS),
                "retrain": {"any": ["code", {"age": draw(DURATIONS)}, {"new_rows": "2.5%"}]},
            }
            for name in training
        },
        "inference": {
            name: {"features": features[:1], "model": training[0], "predict": draw(FUNCTIONS)}
            for name in inference
        },
    }  # fmt: skip
    return System.model_validate(value)


@given(systems())
@settings(max_examples=60, deadline=None)
def test_a_system_that_is_written_and_read_is_the_same(system: System):
    assert parse(dump(system)) == system


def shuffled(value: object, chance: random.Random) -> object:
    if isinstance(value, dict):
        entries = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(entries)
        return dict(entries)
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@given(systems(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_keys_never_matters(system: System, chance: random.Random):
    value = read_document(Path("x"), dump(system)).value

    again = parse(write_yaml(shuffled(value, chance)))

    assert again == system
    prints = {LoadedSystem(each, Path("x")).fingerprint for each in (again, system)}
    assert len(prints) == 1


@given(st.integers(0, 3 * 10**9))
def test_a_duration_that_is_written_and_read_is_the_same(seconds: int):
    span = timedelta(seconds=seconds)

    assert read_duration(write_duration(span)) == span


def refused_or_read(text: str) -> None:
    with contextlib.suppress(SpecError):
        parse(text)


@given(st.text())
@example("system: \ud7ff\x85\u2028- ")
@example("9" * 5000)
@example("a: !!int 'x'")
@example("? [a]\n: 1")
@example("!!python/object:os.system {}")
@example("&a [*a]")
@example("'\\0': 1")
@example("<<: {system: shop}")
@settings(max_examples=300, deadline=None)
def test_no_text_ends_in_anything_but_faults(text: str):
    refused_or_read(text)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_bytes_end_in_anything_but_faults(tmp_path_factory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)

    with contextlib.suppress(SpecError):
        load(path)


WORDS = st.sampled_from(
    ["system", "features", "training", "inference", "sources", "every", "from", "retrain", "any", "7d",
     "day", "checks", "between", "unique", "start", "2013-01-01", "model", "x@champion", "m:f", "label"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(WORDS, VALUES))
@settings(max_examples=300, deadline=None)
def test_no_structure_ends_in_anything_but_faults(value: object):
    refused_or_read(yaml.safe_dump(value))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_one_changed_value_ends_in_faults_or_a_system(data: st.DataObject):
    value = read_document(FLIGHTS, FLIGHTS.read_text()).value
    here = value
    while isinstance(here, dict) and here:
        key = data.draw(st.sampled_from(sorted(here)))
        if not isinstance(here[key], dict) or data.draw(st.booleans()):
            here[key] = data.draw(VALUES)
            break
        here = here[key]

    refused_or_read(write_yaml(value))
