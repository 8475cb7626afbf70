from __future__ import annotations

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    DownstreamTasksSkipped,
)

from airflow_ml_provider import operators as ops
from airflow_ml_provider.domain.errors import TableMissingError, UnavailableError, WindowError
from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.steps.run import name_of, owner_of, window_of
from tests.steps.conftest import DAYS as CALENDAR, day

DAYS = [f"2024-01-{number:02}" for number in range(1, 11)]


def itself(pipeline):
    return pipeline


@pytest.fixture
def given():
    """How tasks are given their pipeline: as it is, or (where a test says so) in outline."""
    return itself


@pytest.fixture
def training(airflow, given):
    """The five tasks of a training, in their order, in a Dag."""
    model = given(airflow.city.model)
    with DAG("city.minutes", schedule=None):
        tasks = {
            "check_staleness": ops.CheckStalenessOperator(task_id="check_staleness", model=model),
            "build_dataset": ops.BuildDatasetOperator(task_id="build_dataset", model=model),
            "train": ops.TrainOperator(task_id="train", model=model),
            "evaluate": ops.EvaluateOperator(task_id="evaluate", model=model),
            "promote": ops.PromoteOperator(task_id="promote", model=model),
        }
        before = None
        for task in tasks.values():
            if before is not None:
                before >> task
            before = task
    return tasks


@pytest.fixture
def inference(airflow, given):
    prediction = given(airflow.city.prediction)
    with DAG("city.expected", schedule=None):
        pin = ops.PinModelOperator(task_id="pin_model", prediction=prediction)
        commit = ops.CommitPredictionsOperator(task_id="commit", prediction=prediction)
        pin >> commit
    return {"pin_model": pin, "commit": commit}


def materialize(airflow, *keys):
    operator = ops.MaterializeOperator(task_id="materialize", view=airflow.city.view)
    return [airflow.run(operator, key) for key in keys]


def test_materialize_tells_what_changed(airflow):
    done = materialize(airflow, DAYS[1], DAYS[1])
    assert [one["change"] for one in done] == ["written", "skipped"]
    assert done[0]["rows"] == 72


def test_a_view_in_outline_is_the_view_itself(airflow):
    outline = Outline.of(airflow.city.view)
    done = airflow.run(ops.MaterializeOperator(task_id="materialize", view=outline), DAYS[1])

    assert done["rows"] == 72
    assert materialize(airflow, DAYS[1])[0]["change"] == "skipped"


@pytest.mark.parametrize("given", [itself, Outline.of])
def test_a_model_is_trained_promoted_and_scores_the_next_day(airflow, training, inference, given):
    materialize(airflow, *DAYS[:4])
    outcomes = {name: airflow.run(task, DAYS[2]) for name, task in training.items()}
    assert outcomes["check_staleness"]["verdict"] == "STALE"
    assert outcomes["promote"] == outcomes["promote"] | {"stage": "promoted", "version": "1"}

    chunks = airflow.run(inference["pin_model"], DAYS[3])
    assert chunks == [0, 1, 2]
    for chunk in chunks:
        predict = ops.PredictOperator(
            task_id="predict", prediction=given(airflow.city.prediction), chunk=chunk
        )
        airflow.run(predict, DAYS[3], map_index=chunk)
    done = airflow.run(inference["commit"], DAYS[3])
    assert (done["rows"], done["model_version"]) == (72, "1")


def test_a_fresh_model_skips_the_rest_and_keeps_its_verdict(airflow, training):
    materialize(airflow, *DAYS[:4])
    for task in training.values():
        airflow.run(task, DAYS[2])
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        airflow.run(training["check_staleness"], DAYS[3])
    assert skipped.value.tasks == ["build_dataset"]
    assert airflow.xcoms["check_staleness", "return_value"]["verdict"] == "FRESH"
    judged = airflow.city.store.ledger.judgements("city.minutes")
    assert [judgement.verdict for judgement in judged] == ["STALE", "FRESH"]


def test_a_lost_xcom_is_replaced_by_the_ledgers_verdict(airflow, training):
    materialize(airflow, *DAYS[:3])
    key = airflow.run(training["check_staleness"], DAYS[2])["train_key"]
    airflow.xcoms.clear()
    assert airflow.run(training["build_dataset"], DAYS[2])["train_key"] == key


def test_a_stage_without_any_verdict_fails_for_good_and_says_the_cure(airflow, training):
    materialize(airflow, *DAYS[:3])
    with pytest.raises(AirflowFailException, match="Run the staleness check of this window"):
        airflow.run(training["build_dataset"], DAYS[2])


def test_a_window_without_a_champion_skips_its_predictions(airflow, inference, capsys):
    materialize(airflow, DAYS[3])
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        airflow.run(inference["pin_model"], DAYS[3])
    assert skipped.value.tasks == ["commit"]
    assert airflow.xcoms["pin_model", "return_value"] == []
    assert "no version of city.minutes is champion" in capsys.readouterr().out


def test_publish_emits_once_a_change_and_again_until_it_is_confirmed(airflow):
    asset = Asset("features.demand")
    publish = ops.PublishOperator(
        task_id="publish", table="features.demand", asset=asset, calendar=CALENDAR
    )
    materialize(airflow, DAYS[1])
    # The first try dies before Airflow has its success: nothing is confirmed.
    airflow.run(publish, DAYS[1])
    airflow.city.store.release()
    context = airflow.context(publish, DAYS[1])
    publish.execute(context)
    assert context["outlet_events"][asset].partition_keys == {DAYS[1]}
    assert context["outlet_events"][asset].extra["rows"] == 72
    for callback in publish.on_success_callback:
        callback(context)
    with pytest.raises(AirflowSkipException, match="unchanged since it was published"):
        airflow.run(publish, DAYS[1])


def test_the_users_own_success_callback_is_kept_beside_ours(airflow):
    called = []
    publish = ops.PublishOperator(
        task_id="publish",
        table="features.demand",
        asset=Asset("features.demand"),
        calendar=CALENDAR,
        on_success_callback=called.append,
    )
    materialize(airflow, DAYS[1])
    context = airflow.context(publish, DAYS[1])
    airflow.city.store.release()
    publish.execute(context)
    for callback in publish.on_success_callback:
        callback(context)
    assert called == [context]


def test_a_promoted_model_is_published_under_its_window(airflow, training):
    asset = Asset("city.minutes")
    publish = ops.PublishModelOperator(task_id="publish", model=airflow.city.model, asset=asset)
    materialize(airflow, *DAYS[:3])
    with pytest.raises(AirflowSkipException, match="the champion stayed"):
        airflow.run(publish, DAYS[2])
    for task in training.values():
        airflow.run(task, DAYS[2])
    assert airflow.run(publish, DAYS[2])["version"] == "1"


def test_every_try_is_noted_with_how_it_ended(airflow):
    materialize(airflow, DAYS[1])
    broken = ops.MaterializeOperator(task_id="materialize", view=airflow.city.missing_source())
    with pytest.raises(AirflowFailException):
        airflow.run(broken, DAYS[1], try_number=2)
    ended = [
        (attempt.try_number, attempt.failure_class)
        for attempt in airflow.city.store.ledger.attempts("city", "manual__1")
    ]
    assert ended == [(1, None), (2, "CONFIG")]


def test_a_failure_that_no_retry_can_mend_is_not_retried(airflow):
    broken = ops.MaterializeOperator(task_id="materialize", view=airflow.city.missing_source())
    with pytest.raises(AirflowFailException, match=r"raw\.tripz") as caught:
        airflow.run(broken, DAYS[1])
    assert isinstance(caught.value.__cause__, TableMissingError)


def test_a_locked_store_is_left_to_the_retries(airflow, monkeypatch):
    from airflow_ml_provider.stores import open as stores

    def locked(*_: object) -> object:
        raise UnavailableError("locked by process 7")

    monkeypatch.setattr(stores, "open_store", locked)
    operator = ops.MaterializeOperator(task_id="materialize", view=airflow.city.view)
    with pytest.raises(UnavailableError, match="process 7"):
        airflow.run(operator, DAYS[1])


def test_an_error_of_user_code_is_left_to_the_retries(airflow):
    from dataclasses import replace

    airflow.city.change_code('CALLS.append(("demand", window.key))', "1 / 0")
    view = replace(airflow.city.view, sql=None, python=f"{airflow.city.module}:demand")
    with pytest.raises(ZeroDivisionError):
        airflow.run(ops.MaterializeOperator(task_id="materialize", view=view), DAYS[1])


@pytest.mark.parametrize("place", ["partition_key", "params", "conf"])
def test_the_window_comes_from_the_run_the_params_or_the_conf(airflow, place):
    operator = ops.MaterializeOperator(task_id="materialize", view=airflow.city.view)
    context = airflow.context(operator, DAYS[1] if place == "partition_key" else None)
    if place == "params":
        context["params"] = {"partition_key": DAYS[1]}
    if place == "conf":
        context["dag_run"].conf = {"partition_key": DAYS[1]}
    assert window_of(context, CALENDAR) == day(DAYS[1])


def test_a_run_without_a_partition_says_how_to_name_one(airflow):
    operator = ops.MaterializeOperator(task_id="materialize", view=airflow.city.view)
    with pytest.raises(WindowError, match="such as '2013-01-07'"):
        window_of(airflow.context(operator, None), CALENDAR)
    with pytest.raises(AirflowFailException):
        airflow.run(operator, "2024-13-01")


def test_the_owner_names_the_very_try(airflow):
    operator = ops.MaterializeOperator(task_id="materialize", view=airflow.city.view)
    owner = owner_of(airflow.context(operator, DAYS[1], map_index=3, try_number=2))
    assert str(owner) == "city/manual__1/materialize[3]#2"
    assert name_of(owner) == "city/manual__1"


def test_a_mapped_predict_survives_serialization_the_same_way_twice(airflow):
    from airflow.serialization.serialized_objects import DagSerialization

    def serialized() -> dict[str, object]:
        prediction = airflow.city.prediction
        with DAG("city.expected", schedule=None) as dag:
            pin = ops.PinModelOperator(task_id="pin_model", prediction=prediction)
            ops.PredictOperator.partial(task_id="predict", prediction=prediction).expand(
                chunk=pin.output
            )
        return DagSerialization.to_dict(dag)

    assert serialized() == serialized()
    assert DagSerialization.from_dict(serialized()).task_ids == ["pin_model", "predict"]
