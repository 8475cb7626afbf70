from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import timezone
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.sensors import DataReadySensor


@pytest.fixture
def sense(city, monkeypatch):
    monkeypatch.setenv("AIRFLOW__AIRFLOW_ML__HOME", str(city.folder))
    city.store.release()

    def build(**changes):
        given = {"view": city.view} | changes
        return DataReadySensor(task_id="wait_for_data", timeout=600, **given)

    return build


def context(key, kept=None):
    run = SimpleNamespace(partition_key=key, conf=None, clear_number=0)
    return {"dag_run": run, "run_id": "r", "params": {}, "task_state_store": kept}


class Kept:
    def __init__(self):
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value):
        self.values[name] = value


def test_data_that_is_there_needs_no_wait(sense):
    assert "72 rows" in sense().execute(context("2024-01-02"))


def test_a_view_in_outline_is_waited_for_like_the_view(sense, city):
    sensor = sense(view=Outline.of(city.view))

    assert "72 rows" in sensor.execute(context("2024-01-02"))
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context("2024-01-11"))
    with pytest.raises(TaskDeferred) as plain:
        sense().execute(context("2024-01-11"))
    assert deferred.value.trigger.needs == plain.value.trigger.needs


def test_it_looks_once_and_then_waits_in_the_triggerer(sense):
    with pytest.raises(TaskDeferred) as deferred:
        sense(poke_interval=7).execute(context("2024-01-11"))
    trigger = deferred.value.trigger
    assert deferred.value.method_name == "execute_complete"
    assert trigger.poke_interval == 7
    assert trigger.window["key"] == "2024-01-11"
    left = datetime.fromisoformat(trigger.deadline) - timezone.utcnow()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


def test_a_retry_waits_until_the_moment_that_the_first_try_set(sense):
    kept, deadlines = Kept(), []
    for _ in range(2):
        with pytest.raises(TaskDeferred) as deferred:
            sense().execute(context("2024-01-11", kept))
        deadlines.append(deferred.value.trigger.deadline)
    assert deadlines[0] == deadlines[1]


def test_a_run_that_a_person_cleared_may_wait_anew(sense):
    kept, deadlines = Kept(), []
    for clear_number in range(2):
        given = context("2024-01-11", kept)
        given["dag_run"].clear_number = clear_number
        with pytest.raises(TaskDeferred) as deferred:
            sense().execute(given)
        deadlines.append(deferred.value.trigger.deadline)
    assert deadlines[0] < deadlines[1]


def test_the_end_of_the_wait_carries_the_reason(sense):
    sensor = sense()
    ready = {"verdict": "READY", "reason": "READY, because 72 rows"}
    assert sensor.execute_complete(context("2024-01-02"), ready) == ready["reason"]
    late = {"verdict": "WAIT", "reason": "WAIT, because 0 rows"}
    with pytest.raises(AirflowSensorTimeout, match=r"Not ready in time \(0:10:00\): .*0 rows"):
        sensor.execute_complete(context("2024-01-02"), late)
    never = {"verdict": "NEVER", "reason": "NEVER, because no table"}
    with pytest.raises(AirflowFailException, match="no table"):
        sensor.execute_complete(context("2024-01-02"), never)


def test_a_misspelt_table_fails_at_the_first_look(sense, city):
    with pytest.raises(AirflowFailException, match=r"raw\.tripz"):
        sense(view=city.missing_source()).execute(context("2024-01-02"))


def test_a_run_without_a_partition_fails_for_good(sense):
    with pytest.raises(AirflowFailException, match="names no partition"):
        sense().execute(context(None))


def test_a_worker_that_waits_itself_says_the_last_reason_too(sense, city):
    sensor = DataReadySensor(
        task_id="wait", view=city.view, deferrable=False, timeout=0, poke_interval=0
    )
    with pytest.raises(AirflowSensorTimeout, match="0 rows in the window"):
        sensor.execute(context("2024-01-11"))


def test_a_prediction_waits_for_its_features(sense, city):
    sensor = sense(view=None, prediction=city.prediction)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context("2024-01-02"))
    assert deferred.value.trigger.needs["upstream"] == [
        {"table": "features.demand", "granularity": "day", "timezone": "UTC"}
    ]
    city.materialize("2024-01-02")
    city.store.release()
    assert "1 of 1 partitions" in sensor.execute(context("2024-01-02"))


@pytest.mark.parametrize("both", [True, False])
def test_it_takes_a_view_or_a_prediction_and_not_both(sense, city, both):
    given = {"view": city.view, "prediction": city.prediction} if both else {"view": None}
    with pytest.raises(ValueError, match="either 'view' or 'prediction'"):
        sense(**given)
