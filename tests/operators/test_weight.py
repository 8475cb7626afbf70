from __future__ import annotations

import json
import subprocess
import sys

import pytest

from airflow_ml_provider import operators, sensors

WEIGH = """
import json, sys
import airflow.sdk
from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue, timezone
before = set(sys.modules)
import airflow_ml_provider.operators as operators
light = sorted(set(sys.modules) - before)
for name in operators.__all__:
    getattr(operators, name)
from airflow_ml_provider.sensors import DataReadySensor
whole = sorted(set(sys.modules) - before)
print(json.dumps([light, whole]))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    done = subprocess.run(
        [sys.executable, "-c", WEIGH],
        capture_output=True,
        text=True,
        check=True,
        env={"AIRFLOW_HOME": str(home), "PYTHONPATH": ":".join(p for p in sys.path if p)},
    )
    return json.loads(done.stdout.splitlines()[-1])


def foreign(modules):
    return [name for name in modules if not name.startswith("airflow_ml_provider")]


def test_importing_the_operators_brings_hardly_a_module(loaded):
    light, _ = loaded
    assert len(foreign(light)) < 5


def test_using_every_operator_brings_no_heavy_library(loaded):
    _, whole = loaded
    assert len(foreign(whole)) < 5, foreign(whole)


def test_every_exported_name_is_real():
    for room in (operators, sensors):
        for name in room.__all__:
            assert getattr(room, name).__name__ == name
            assert name in dir(room)


def test_a_name_that_is_not_exported_is_an_attribute_error():
    with pytest.raises(AttributeError, match="MaterialiseOperator"):
        operators.MaterialiseOperator  # noqa: B018
