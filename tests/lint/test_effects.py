"""A function that would answer otherwise when it runs again is told, with its cure."""

from __future__ import annotations

import pytest

from tests.lint.conftest import SYSTEM

PYTHON = SYSTEM.replace("sql: spend.sql", "python: shop_code:spend")


@pytest.mark.parametrize(
    ("head", "line", "told"),
    [
        (
            "from datetime import datetime as dt",
            "dt.now()",
            "'datetime.datetime.now' reads the cl",
        ),
        ("import datetime", "datetime.date.today()", "'datetime.date.today' reads the clock"),
        ("import time", "time.time()", "'time.time' reads the clock"),
        ("import pandas as pd", "pd.Timestamp.now()", "'pandas.Timestamp.now' reads the clock"),
        ("import random", "random.random()", "'random.random' draws chance without a seed"),
        ("import random", "random.Random()", "'random.Random' draws chance without a seed"),
        ("import numpy as np", "np.random.rand(3)", "'numpy.random.rand' draws chance"),
        ("import numpy as np", "np.random.default_rng()", "'numpy.random.default_rng' draws"),
        ("import uuid", "uuid.uuid4()", "'uuid.uuid4' draws chance without a seed"),
        ("import os", "os.environ['STAGE']", "'os.environ' reads the environment"),
        ("import os", "os.getenv('STAGE')", "'os.getenv' reads the environment"),
        ("import urllib.request", "urllib.request.urlopen('x')", "talks to the network"),
        ("import subprocess", "subprocess.run(['x'])", "'subprocess.run' starts a process"),
        ("", "open('x', 'w')", "'open' writes elsewhere"),
        ("", "open('x', mode='ab')", "'open' writes elsewhere"),
        ("", "orders.to_csv('x')", "'to_csv' writes elsewhere"),
    ],
)
def test_an_effect_is_a_warning_at_its_place(review, head: str, line: str, told: str):
    code = f"{head}\n\n\ndef helper(orders):\n    return {line}\n\n\ndef spend(orders):\n    return helper(orders)\n"

    [warning] = review(PYTHON, code=code)

    assert warning.startswith("shop_code.py:5:12: warning: ")
    assert told in warning


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("import random", "random.Random(7).random()"),
        ("import numpy as np", "np.random.default_rng(params['seed']).normal()"),
        ("import random", "(random.seed(7), random.random())"),
        ("import time", "time.perf_counter()"),
        ("", "open('x')"),
        ("", "orders.to_csv()"),
        ("import time", "time.time()  # airflow-ml: ignore  only logged"),
    ],
)
def test_what_repeats_or_is_excused_is_not_told(review, head: str, line: str):
    code = f"{head}\n\n\ndef spend(orders, params):\n    return {line}\n"

    assert review(PYTHON, code=code) == []


def test_what_the_function_never_comes_to_is_not_told(review):
    code = "import time\n\n\ndef other():\n    return time.time()\n\n\ndef spend(orders): ...\n"

    assert review(PYTHON, code=code) == []
