"""A small system, from raw orders to forecasts, on a real scheduler; the tests are its beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_ml_provider.domain.table import TableName

if TYPE_CHECKING:
    from tests.airflow.conftest import Shop

pytestmark = [pytest.mark.airflow, pytest.mark.e2e]

FORECAST = TableName("shop", "forecast")


def test_features_start_training_and_inference(shop: Shop) -> None:
    shop.api.backfill("shop.demand", "2024-01-01", "2024-01-02")
    assert {run[2] for run in shop.wait_for("demand", 2)} == {"success"}
    assert {run[:2] for run in shop.wait_for("sales", 2)} == {
        ("asset_triggered", "2024-01-01"),
        ("asset_triggered", "2024-01-02"),
    }
    shop.wait_for("forecast", 2)

    # One day is too little to train on, the second makes it two.
    assert shop.states("sales", "2024-01-01")["train"] == {"skipped"}
    assert set.union(*shop.states("sales", "2024-01-02").values()) == {"success"}
    assert shop.events("demand") == ["2024-01-01", "2024-01-02"]
    assert shop.events("sales") == ["2024-01-02"]
    with shop.open_store() as store:
        [training] = store.ledger.trainings("shop.sales")
        assert (training.stage, training.metrics["rows"]) == ("promoted", 6.0)
        [reign] = store.ledger.reigns("shop.sales", "champion")
        assert reign.version == "1"


def test_the_next_day_is_scored_by_the_champion(shop: Shop) -> None:
    shop.api.trigger("shop.demand", "2024-01-03")
    shop.wait_for("forecast", 3)
    shop.wait_for("sales", 3)

    states = shop.states("forecast", "2024-01-03")
    assert {name: state for name, state in states.items() if state != {"success"}} == {}
    assert shop.states("sales", "2024-01-03")["build_dataset"] == {"skipped"}
    assert shop.events("forecast") == ["2024-01-03"]
    with shop.open_store() as store:
        [line] = store.ledger.lines(FORECAST)
        assert (line.key, line.rows, line.unpublished) == ("2024-01-03", 6, False)
        scored = store.scan(FORECAST).read_all()
        assert set(scored.column("expected").to_pylist()) != {None}


def test_an_unchanged_day_starts_nothing_downstream(shop: Shop) -> None:
    before = shop.runs("forecast"), shop.runs("sales"), shop.events("demand")
    run = shop.api.trigger("shop.demand", "2024-01-03")
    assert shop.api.wait_for_run("shop.demand", run)["state"] == "success"

    assert shop.states("demand", "2024-01-03")["publish"] == {"skipped"}
    # The event of the next day comes after any that this run could have caused.
    shop.api.trigger("shop.demand", "2024-01-04")
    shop.wait_for("forecast", len(before[0]) + 1)
    assert shop.events("demand") == [*before[2], "2024-01-04"]
    assert shop.runs("forecast")[:-1] == before[0]


def test_airflows_pages_can_show_our_timetables(shop: Shop) -> None:
    # Before any run without a partition date: on such a run Airflow's own calendar page breaks.
    for dag_id in shop.api.dag_ids():
        for page in (
            f"grid/runs/{dag_id}",
            f"grid/structure/{dag_id}",
            f"calendar/{dag_id}",
            f"next_run_assets/{dag_id}",
            f"dags/{dag_id}/latest_run",
            f"structure/structure_data?dag_id={dag_id}",
            f"partitioned_dag_runs?dag_id={dag_id}",
        ):
            shop.api.page(page)  # an answer that is no success raises
    summaries = {dag["dag_id"]: dag["timetable_summary"] for dag in shop.api.get("dags")["dags"]}
    assert summaries == {
        "shop.demand": "every day",
        "shop.doomed": "every day",
        "shop.forecast": "Asset",
        "shop.sales": "Asset or every day",
    }


def test_a_manual_run_takes_its_partition_as_a_param(shop: Shop) -> None:
    run = shop.api.trigger("shop.forecast", conf={"partition_key": "2024-01-03"})
    assert shop.api.wait_for_run("shop.forecast", run)["state"] == "success"


def test_a_pipeline_that_events_start_can_be_backfilled_too(shop: Shop) -> None:
    known = len(shop.runs("sales"))
    shop.api.backfill("shop.sales", "2024-01-05", "2024-01-05")
    assert shop.wait_for("sales", known + 1)[-1] == ("backfill", "2024-01-05", "success")


def test_a_key_that_names_no_partition_is_refused(shop: Shop) -> None:
    from airflow_ml_provider.demo.airflow_api import AirflowApiError

    with pytest.raises(AirflowApiError, match="not a partition key of granularity 'day'"):
        shop.api.trigger("shop.forecast", "2024-1-3")


def test_a_task_killed_on_every_try_is_told_to_its_owner(shop: Shop) -> None:
    run = shop.api.trigger("shop.doomed", "2024-01-01")
    assert shop.api.wait_for_run("shop.doomed", run)["state"] == "failed"
    [task] = [t for t in shop.api.tasks("shop.doomed", run) if t["task_id"] == "materialize"]
    assert (task["state"], task["try_number"]) == ("failed", 2)

    told = shop.api.wait(
        lambda: shop.alerts.exists() and shop.alerts.read_text(), "the alert", 180
    )
    assert "shop.doomed failed for partition 2024-01-01: materialize (killed)" in told
    assert "materialize (killed, try 2)" in told
    assert "Not run because of it: publish." in told
    assert "Owner: shop-team." in told
    assert f"airflow dags clear shop.doomed --run-id {run} --only-failed" in told
    assert told.count("Owner:") == 1
