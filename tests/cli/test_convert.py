"""Convert: what maps of a dag-factory file is ours afterwards, and what does not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.spec.dagfactory.schedule import Cadence, cadence
from airflow_ml_provider.spec.dagfactory.select import Select, select_in
from airflow_ml_provider.spec.document import read_document

HERE = Path(__file__).parent


def convert(shell, text: str, name: str = "churn.yml"):
    Path(name).write_text(text)
    return shell("convert", name, "--into", "ours")


def test_a_file_becomes_yaml_sql_and_notes(shell, golden):
    answer = convert(shell, (HERE / "dagfactory.yml").read_text())

    assert (answer.code, answer.err) == (0, "")
    golden("convert.txt", answer.out)
    golden("convert.yaml", Path("ours/churn.yaml").read_text())
    golden("convert.sql", Path("ours/churn_features_activity.sql").read_text())


def test_lint_then_asks_for_what_dag_factory_does_not_know_and_for_nothing_else(shell):
    convert(shell, (HERE / "dagfactory.yml").read_text())

    answer = shell("lint", "ours")

    told = [line.partition(": ")[2] for line in answer.out.splitlines() if "yaml:" in line]
    assert {line.rpartition(": ")[2] for line in told} == {
        "the key 'time' is missing",
        "the key 'entity' is missing",
        "the key 'every' is missing",
    }


def test_every_key_of_every_task_is_either_used_or_told(shell):
    text = (HERE / "dagfactory.yml").read_text()
    answer = convert(shell, text)
    told = {int(line.split(":")[1]): line for line in answer.out.splitlines() if "yml:" in line}
    document = read_document(Path("churn.yml"), text)
    tasks = document.value["churn_features"]["tasks"]  # type: ignore[index, call-overload]
    for number, task in enumerate(tasks):
        loc = ("churn_features", "tasks", number)
        if "was left out" in told.get(document.fault_at(loc, "").line, ""):
            continue  # as a whole
        for key in {"pool", "poke_interval", "trigger_rule"} & task.keys():
            line = document.fault_at((*loc, key), "", at_key=True).line
            assert f"{key}: left out" in told[line], f"{key} was dropped in silence"


def test_an_order_that_is_lost_is_told(shell):
    text = (HERE / "dagfactory.yml").read_text()
    assert "dependencies: left out" not in convert(shell, text).out
    for path in Path("ours").iterdir():
        path.unlink()

    late = text.replace(
        "dependencies: [wait_for_orders]", "dependencies: [wait_for_orders, vacuum, tell]"
    )
    answer = convert(shell, late)

    assert "dependencies: left out" in answer.out
    assert "Why: vacuum, tell became nothing that could be awaited." in answer.out


def test_what_dag_factory_reads_beside_and_above_a_file_is_read_too(shell, monkeypatch):
    Path("team/red").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(Path.cwd()))
    Path("defaults.yml").write_text("default_args: {owner: all, retries: 1}\nschedule: '@daily'\n")
    Path("team/red/defaults.yml").write_text("default_args: {owner: red}\nmax_active_runs: 3\n")
    text = """
churn:
  default_args: {start_date: 2024-01-01}
  tasks:
    - task_id: activity
      operator: airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator
      conn_id: warehouse
      sql: INSERT INTO ml.activity SELECT * FROM raw.visits WHERE day = '{{ ds }}'
"""
    answer = convert(shell, text, "team/red/churn.yml")
    made = Path("ours/churn.yaml").read_text()
    assert "owner: red" in made
    assert "retries: 1" in made
    assert "start: 2024-01-01" in made.replace("'", "")
    assert "every: day" in made
    assert "team/red/defaults.yml:2:1: max_active_runs: left out" in answer.out


def test_two_tables_of_one_name_are_two_sources(shell):
    text = (HERE / "dagfactory.yml").read_text().replace("raw.customers", "ml.orders")
    convert(shell, text)

    sources = parsed(Path("ours/churn.yaml"))["sources"]

    assert (sources["orders"]["table"], sources["ml_orders"]["table"]) == (
        "raw.orders",
        "ml.orders",
    )


def parsed(path: Path) -> dict:
    value = read_document(path, path.read_text()).value
    assert isinstance(value, dict)
    return value


def test_nothing_is_written_over(shell):
    Path("ours").mkdir()
    Path("ours/churn_features_activity.sql").write_text("mine")

    answer = convert(shell, (HERE / "dagfactory.yml").read_text())

    assert answer.code == 1
    assert "there already. Nothing was written" in answer.err
    assert [path.name for path in Path("ours").iterdir()] == ["churn_features_activity.sql"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default_args: {owner: me}\n", "no Dag of dag-factory is in this file"),
        ("a: [1\n", "this is not YAML"),
        ("- a\n", "the file must be a mapping"),
    ],
)
def test_a_file_without_dags_is_refused(shell, text: str, said: str):
    answer = convert(shell, text)

    assert answer.code == 1
    assert said in answer.err
    assert not Path("ours").exists()


def test_a_file_that_is_not_there_is_told(shell):
    answer = shell("convert", "gone.yml")

    assert answer.code == 1
    assert "gone.yml:1:1: the file cannot be read: No such file or directory" in answer.err


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        ("@daily", Cadence("day")),
        ("30 3 * * *", Cadence("day", 210)),
        ("15 * * * *", Cadence("hour", 15)),
        ("0 6 * * 1", Cadence("week", 360)),
        ("@weekly", Cadence("week", 6 * 24 * 60)),
        ("0 0 3 * *", Cadence("month", 2 * 24 * 60)),
        ("*/5 * * * *", None),
        ("0 1 * * 1-5", None),
        ("0 0 1 1 *", None),
        ("@once", None),
        (None, None),
        (["s3://bucket/table"], None),
    ],
    ids=str,
)
def test_a_schedule_is_a_cadence_of_partitions_or_none(schedule: object, found: Cadence | None):
    assert cadence(schedule) == found


def test_a_wait_is_written_as_a_duration():
    assert [Cadence("day", minutes).lateness for minutes in (0, 180, 210)] == [None, "3h", "210m"]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("", "it is empty"),
        ("VACUUM a", "this is VACUUM"),
        ("SELECT 1; SELECT 2", "more than one statement"),
        ("DELETE FROM b; INSERT INTO a SELECT 1", "more than one statement"),
        ("INSERT INTO a VALUES (1)", "this is INSERT"),
    ],
)
def test_what_is_no_single_select_is_left_out_with_its_reason(sql: str, why: str):
    found = select_in(sql)
    assert isinstance(found, str)
    assert why in found


def test_a_select_is_found_in_its_insert_with_its_window_and_tables():
    found = select_in(
        "-- by night; every day\n"
        "INSERT INTO ml.a (x) WITH r AS (SELECT * FROM raw.b /* FROM no.table */)\n"
        "SELECT x FROM r JOIN raw.c USING (x) WHERE at >= '{{ data_interval_start }}' AND n > %(n)s"
    )
    assert isinstance(found, Select)
    assert (found.table, found.reads) == ("ml.a", ("raw.b", "raw.c"))
    assert "at >= :window_start AND n > :n" in found.text
