"""What needs no Airflow imports none; inside Airflow's own command line the same commands answer."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = """
import sys
from airflow_ml_provider.cli import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    assert not left.code, left.code
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"airflow", "pyarrow", "pandas", "numpy", "mlflow", "sqlalchemy", "duckdb"}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["schema"], ["lint", "--help"], ["lint", "tests/cli/light.yaml"]],
    ids=" ".join,
)
def test_a_fresh_interpreter_loads_nothing_heavy(words: list[str]):
    done = subprocess.run(
        [sys.executable, "-c", ASK, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


def test_the_schema_is_json(shell):
    assert json.loads(shell("schema").out)["title"] == "airflow-ml system"


def test_help_lists_every_command(shell):
    told = shell("--help").out

    for command in ("lint", "schema", "run", "why", "status", "gc", "demo"):
        assert f" {command} " in told


@pytest.fixture
def airflows_own():
    """Airflow's parser with our command in it, as ``airflow`` builds it."""
    from airflow.cli.cli_parser import _add_command

    from airflow_ml_provider.cli.airflow import get_cli_commands

    parser = argparse.ArgumentParser(prog="airflow")
    commands = parser.add_subparsers(dest="subcommand")
    for command in get_cli_commands():
        _add_command(commands, command)
    return parser


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lint", "--help"], "Usage: airflow ml lint"),
        (["schema"], '"title": "airflow-ml system"'),
        (["lint", "--format", "text", str(ROOT / "dags")], "0 faults in 1 file"),
        ([], "Usage: airflow ml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_airflow_ml_hands_every_word_on(airflows_own, capsys, words: list[str], said: str):
    arguments = airflows_own.parse_args(["ml", *words])

    with pytest.raises(SystemExit) as left:
        arguments.func(arguments)

    assert not left.value.code
    assert said in capsys.readouterr().out
