"""Whatever becomes of a good file, loading it ends in a system or in faults."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from airflow_ml_provider.spec import SpecError, World, load
from airflow_ml_provider.spec.document import read_document
from airflow_ml_provider.spec.yaml12 import write_yaml

REPOSITORY = Path(__file__).parents[2]
FLIGHTS = REPOSITORY / "dags" / "flights.yaml"
FLEET = REPOSITORY / "tests" / "factory" / "dags" / "fleet.yaml"
SHOP = """\
version: 1
system: shop
owner: growth-${env:STAGE}
start: 2026-01-01T06:00+01:00
store: ${conn:warehouse}
alert: ["${var:channel}"]
sources:
  orders: {matrix: &regions {region: [eu, us]}, table: "raw.${matrix:region}", time: at}
features:
  spend: {matrix: *regions, from: ["orders_${matrix:region}"], sql: route_delays.sql}
training:
  churn:
    features: [spend_eu, flights.route_delays]
    label: {from: orders_eu, column: gone, matures: 1d}
    window: 4w
    train: shop.training:fit
inference:
  score: {features: [spend_eu], model: churn, predict: "shop.inference:predict"}
defaults:
  features: {every: day, entity: [customer], checks: {unique: [customer], rows: {min: 1}}}
profiles:
  dev: {timezone: America/New_York, features: {spend_eu: {every: hour}}}
"""
GOOD = (FLIGHTS.read_text(), FLEET.read_text(), SHOP)
WORLD = World(environment={"STAGE": "dev"}, profile=lambda: "dev", variable={"channel": "ml"}.get)

BYTES = (
    b"\0",
    b"\t",
    b"\r",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b":",
    b"- ",
    b"&a ",
    b"*a",
)
WORDS = (
    "null", "~", "true", "yes", "-1", "0", "1e999", ".nan", "0x", "0o9", "9" * 5000, "2026-02-30",
    "!!python/object:os.system", "!!int x", "!x", "<<: ", "? ", "|", ">-", "%YAML 1.1", "---", "...",
    "&a", "*a", "${", "${env:}", "${env:STAGE}", "${matrix:a}", "${var:x}", "{{ ds }}", "''", '"\\0"',
    "\u2028", "\u0085", "\ufeff", "\U0001f4b0", "e\u0301", "\u202e", "[" * 40, "{" * 2000, "a." * 300,
    "../../etc/passwd", "/dev/null", "(select 1)", "x" * 70,
)  # fmt: skip
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 10**400, -(2**63), 1e308, float("inf"), float("nan"), "", " ", "\0", "~",
    "a" * 300, "\U0001f4b0", "\ud7ff", "7d", "0d", "day", "month", "20%", "x.y", ".", "@", "m:f", "-", "a@b@c",
    "${env:STAGE}", "${matrix:region}", "${conn:x}", "${var:gone}", [], {}, [[]], [None], {"": None},
    {"matrix": {}}, {"matrix": {"a": [1, 2]}}, {"any": [{"age": None}]}, {"a": {"a": {"a": {}}}},
    list(range(600)), {str(n): n for n in range(600)},
)  # fmt: skip


def other_bytes(chance: random.Random, text: str) -> bytes:
    content = bytearray(text.encode())
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(content) + 1)
        end = start + chance.choice([0, 0, 1, 2, 40])
        content[start:end] = chance.choice([*BYTES, bytes([chance.randrange(256)]), b""])
    return bytes(content)


def other_tokens(chance: random.Random, text: str) -> bytes:
    for _ in range(chance.randint(1, 4)):
        marks = [match.start() for match in re.finditer(r"\w+|[^\w ]|\n *", text)] or [0]
        first, last = sorted((chance.choice(marks), chance.choice(marks)))
        last = min(last, first + 60)
        piece = text[first:last]
        put = chance.choice(["", piece * 2, piece[::-1], *WORDS])
        text = text[:first] + put + text[last:]
    return text.encode("utf-8", "surrogatepass")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place below a value, as what holds it and under which key."""
    if not isinstance(value, dict | list):
        return []
    found = []
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        found += [(value, key), *places(item)]
    return found


def replaced(chance: random.Random, holder: Any, key: Any) -> None:
    holder[key] = chance.choice(VALUES)


def removed(chance: random.Random, holder: Any, key: Any) -> None:
    del holder[key]


def repeated(chance: random.Random, holder: Any, key: Any) -> None:
    holder[key] = [holder[key]] * chance.choice([1, 2, 50])


def renamed(chance: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        name = chance.choice([*WORDS, f"{key}s", str(key).upper()])
        holder[name] = holder.pop(key)


def buried(chance: random.Random, holder: Any, key: Any) -> None:
    for _ in range(chance.choice([1, 3, 31, 40])):
        holder[key] = {"a": holder[key]}


CHANGES = (replaced, removed, repeated, renamed, buried)


def other_structure(chance: random.Random, text: str) -> bytes:
    value: Any = deepcopy(read_document(Path("good.yaml"), text).value)
    for _ in range(chance.randint(1, 4)):
        some = places(value)
        if some:
            chance.choice(CHANGES)(chance, *chance.choice(some))
        value = deepcopy(value)  # what stands twice is written twice
    return write_yaml(value).encode("utf-8", "surrogatepass")


def aliased(chance: random.Random, text: str) -> bytes:
    lines = text.split("\n")
    for _ in range(chance.randint(1, 3)):
        here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[here] = lines[here].replace(": ", chance.choice([": &a ", ": *a ", ": !!str "]), 1)
        lines[there] = lines[there].replace(": ", ": *a #", 1)
    return "\n".join(lines).encode()


WAYS: tuple[Callable[[random.Random, str], bytes], ...] = (
    other_bytes, other_tokens, other_structure, aliased,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fuzz")
    for name in ("flights.yaml", "route_delays.sql"):
        shutil.copy(FLIGHTS.parent / name, place)
    return place


def load_another(folder: Path, chance: random.Random) -> None:
    """Load a good file that was changed in one of the ways, above it sometimes another one."""
    path = folder / "changed.yaml"
    path.write_bytes(chance.choice(WAYS)(chance, chance.choice(GOOD)))
    above = folder / "defaults.yaml"
    above.unlink(missing_ok=True)
    if chance.randrange(4) == 0:
        above.write_bytes(chance.choice(WAYS)(chance, SHOP[SHOP.index("owner") :]))
    told = None
    try:
        load(path, WORLD)
    except SpecError as error:
        told = error
    except Exception as error:
        beneath = above.read_bytes() if above.exists() else None
        error.add_note(f"{path.read_bytes()!r} under {beneath!r}")
        raise
    assert told is None or (told.faults and str(told))


@given(st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_a_changed_file_is_loaded_or_told(folder: Path, chance: random.Random):
    load_another(folder, chance)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(10))
def test_a_minute_of_changed_files_is_loaded_or_told(folder: Path, seed: int):
    chance = random.Random(f"{seed} {time.time_ns()}")  # noqa: S311  no secret
    until = time.monotonic() + 60
    while time.monotonic() < until:
        load_another(folder, chance)
