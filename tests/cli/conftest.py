"""What the tests of the command line share: a small shop on disk, and its shell."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from airflow_ml_provider.cli import main

HERE = Path(__file__).parent

YAML = """\
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: moment, ready: {rows: 3}}
features:
  spend:
    every: day
    entity: [customer]
    time: moment
    from: [orders]
    sql: spend.sql
    checks: {rows: {min: 1}, not_null: [customer]}
training:
  basket:
    features: [spend]
    label: {from: orders, column: amount}
    window: 4d
    train: shop_ml:fit
    promote: {metric: rmse}
inference:
  expected:
    features: [spend]
    model: basket
    predict: shop_ml:predict
"""
SQL = """\
SELECT customer, :window_start AS moment, sum(amount) AS spent
FROM raw.orders
WHERE moment >= :window_start AND moment < :window_end
GROUP BY customer
"""
CODE = '''\
"""What the shop computes."""

import pyarrow as pa


class Mean:
    """Expects the same of everybody."""

    def __init__(self, value):
        self.value = value

    def predict(self, frame):
        return [self.value] * len(frame)


def fit(dataset, params):
    labels = dataset.column("label").to_pylist()
    return Mean(sum(labels) / len(labels)), {"labels": len(labels)}


def predict(model, batch):
    return pa.table({"amount": [float(model.value)] * batch.num_rows})
'''
MASKS = (
    (r"\b20(?!26-01)\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "<now>"),
    (r"shell__\w+", "<run>"),
    (r"\b\w+:\d+:[0-9a-f]{16,64}\b", "<content>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{16}\b", "<key>"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said, and how it left."""

    code: int
    out: str
    err: str


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a file under ``golden``; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = HERE / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text(), f"{name} differs; UPDATE_GOLDEN=1 accepts what is new"

    return compare


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command as a shell would, and return what it said."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AIRFLOW__CORE__DAGS_FOLDER", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(words)
        said = capsys.readouterr()
        return Answer(int(left.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """Write the shop's files into ``dags``, and five days of orders into the embedded store."""
    dags, home = tmp_path / "dags", tmp_path / "home"
    dags.mkdir()
    home.mkdir()
    for name, text in (("shop.yaml", YAML), ("spend.sql", SQL), ("shop_ml.py", CODE)):
        (dags / name).write_text(text)
    with duckdb.connect(str(home / "store.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA raw")
        connection.execute(
            "CREATE TABLE raw.orders AS SELECT 'c' || (i % 3) AS customer, "
            "TIMESTAMPTZ '2026-01-01 00:00:00Z' + i * INTERVAL 6 HOUR AS moment, i::DOUBLE AS amount "
            "FROM range(20) AS r(i)"
        )
    path = list(sys.path)
    yield dags
    sys.path[:] = path
    sys.modules.pop("shop_ml", None)


def masked(text: str, *folders: Path) -> str:
    """Return ``text`` without what differs from run to run."""
    for folder in folders:
        text = text.replace(str(folder), "<folder>")
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return text


@pytest.fixture
def mask(tmp_path: Path) -> Callable[[str], str]:
    """Take out of a text what differs from run to run."""
    return lambda text: masked(text, tmp_path)
