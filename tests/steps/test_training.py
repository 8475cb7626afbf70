from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context

import pytest

from airflow_ml_provider.domain.errors import DataError, FunctionError
from airflow_ml_provider.domain.promotion import PromotionPolicy
from airflow_ml_provider.domain.staleness import Mark, Verdict
from airflow_ml_provider.domain.training import Stage
from tests.steps.conftest import NOW, MemoryRegistry, day

DAYS = [f"2024-01-{number:02}" for number in range(1, 11)]


def test_too_little_data_is_unknown_and_trains_nothing(city):
    city.materialize(*DAYS[:2])
    verdict = city.judge(DAYS[1])
    assert (verdict.verdict, verdict.trains) == (Verdict.UNKNOWN, False)
    assert "2 of 3" in verdict.reason


def test_a_model_without_a_champion_is_trained_and_becomes_it(city):
    city.materialize(*DAYS[:3])
    trained = city.retrain(DAYS[2])
    assert (trained.stage, trained.snapshot.version) == (Stage.PROMOTED, "1")
    assert city.registry.alias("city.minutes", "champion") == "1"
    assert "no champion" in (trained.verdict or "")
    # Two of the three days train the model, the last one is held out.
    assert city.calls == [("fit", 144)]
    assert {"rows", "holdout_rmse", "holdout_mae"} == set(trained.metrics)


def test_a_young_champion_is_fresh_and_says_so(city):
    city.materialize(*DAYS[:4])
    city.retrain(DAYS[2])
    verdict = city.judge(DAYS[3])
    assert verdict.verdict is Verdict.FRESH


def test_a_model_gone_stale_by_age_is_trained_again(city):
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[2])
    verdict = city.judge(DAYS[5])
    assert verdict.trains
    assert "age: the training data ended 3 d earlier" in verdict.reason
    assert city.retrain(DAYS[5]).snapshot.version == "2"


def test_a_restated_feature_makes_the_model_stale(city):
    city.policy(age=None)
    city.materialize(*DAYS[:4])
    city.retrain(DAYS[2])
    city.sql("UPDATE raw.trips SET riders = 99 WHERE moment::date = DATE '2024-01-02'")
    city.materialize(DAYS[1])
    verdict = city.judge(DAYS[3])
    assert verdict.trains
    assert "features.demand/2024-01-02" in verdict.reason


def test_changed_training_code_makes_the_model_stale(city):
    city.policy(age=None)
    city.materialize(*DAYS[:4])
    city.retrain(DAYS[2])
    city.change_code("MADE = 1", "MADE = 2")
    city.reload()
    assert "code was" in city.judge(DAYS[3]).reason


def test_a_mark_by_hand_trains_once_and_is_then_answered(city):
    city.policy(age=None)
    city.materialize(*DAYS[:5])
    city.retrain(DAYS[2])
    city.store.ledger.mark_stale("city.minutes", Mark("new stations", "ada", NOW))
    assert "ada marked it" in city.judge(DAYS[3]).reason
    city.retrain(DAYS[3])
    assert city.judge(DAYS[4]).verdict is Verdict.FRESH


def test_a_verdict_is_kept_and_a_cleared_run_finds_its_stages_done(city):
    city.materialize(*DAYS[:3])
    first = city.retrain(DAYS[2])
    again = city.retrain(DAYS[2])
    assert (again.stage, again.snapshot.version) == (Stage.PROMOTED, first.snapshot.version)
    assert city.calls == [("fit", 144)]
    assert len(city.store.ledger.reigns("city.minutes", "champion")) == 1
    assert len(city.store.ledger.judgements("city.minutes")) == 1


def test_the_same_inputs_are_not_trained_on_again_after_the_champion_was_kept(city):
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[2])
    city.model = replace(city.model, promote=PromotionPolicy("rmse", better_by=0.999))
    kept = city.retrain(DAYS[5])
    assert kept.stage is Stage.KEPT
    assert city.registry.alias("city.minutes", "champion") == "1"
    # An hour earlier the very same three partitions would be read.
    as_of = replace(day(DAYS[5]), end=day(DAYS[5]).end - timedelta(hours=1))
    verdict = city.judge_window(as_of)
    assert (verdict.verdict, verdict.trains) == (Verdict.STALE, False)
    assert "were trained on before" in verdict.reason


def test_a_try_killed_after_registering_adopts_its_version(city):
    city.materialize(*DAYS[:3])
    key = city.build(DAYS[2]).train_key

    class Killed(BaseException):
        pass

    class Dying(MemoryRegistry):
        def register(self, *args, **kwargs):
            super().register(*args, **kwargs)
            raise Killed

    alive, city.registry = city.registry, Dying()
    with pytest.raises(Killed):
        city.train(key)
    alive.kept = city.registry.kept
    city.registry = alive
    assert city.train(key).snapshot.version == "1"
    assert len(alive.kept) == 1


def test_features_restated_between_verdict_and_dataset_stop_the_training(city):
    city.materialize(*DAYS[:3])
    key = city.judge(DAYS[2]).train_key
    city.sql("UPDATE raw.trips SET riders = 99 WHERE moment::date = DATE '2024-01-02'")
    city.materialize(DAYS[1])
    with pytest.raises(DataError, match="have changed since train key"):
        city.build_key(DAYS[2], key)


def test_a_frozen_dataset_outlives_a_restatement(city):
    city.materialize(*DAYS[:3])
    built = city.build(DAYS[2])
    before = city.sql("SELECT sum(riders) FROM features.minutes__dataset")
    city.sql("UPDATE raw.trips SET riders = 99 WHERE moment::date = DATE '2024-01-02'")
    city.materialize(DAYS[1])
    city.build_key(DAYS[2], built.train_key)
    assert city.sql("SELECT sum(riders) FROM features.minutes__dataset") == before


def test_labels_that_have_not_matured_are_not_trained_on(city):
    city.model = replace(city.model, label=replace(city.model.label, matures=timedelta(days=1)))
    city.materialize(*DAYS[:4])
    built = city.build(DAYS[3])
    assert built.snapshot.data_end == day(DAYS[3]).start
    assert city.sql("SELECT max(label_time)::date::text FROM features.minutes__dataset") == [
        (DAYS[2],)
    ]


def test_challenger_and_champion_are_scored_on_the_same_rows(city):
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[2])
    trained = city.retrain(DAYS[5])
    # Labels rise by one a day: the newer mean is nearer, on the newer holdout.
    assert trained.metrics["holdout_rmse"] < trained.metrics["champion_rmse"]
    assert "PROMOTE" in (trained.verdict or "")


def test_a_champion_that_cannot_score_the_rows_counts_as_none_and_is_named(city):
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[2])
    city.registry.kept[0] = (city.registry.kept[0][0], object())
    trained = city.retrain(DAYS[5])
    assert trained.stage is Stage.PROMOTED
    assert "champion 1 cannot score these rows" in (trained.verdict or "")


def test_a_backfilled_training_does_not_take_the_place_of_a_later_champion(city):
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[5])
    kept = city.retrain(DAYS[2])
    assert kept.stage is Stage.KEPT
    assert "serves from 2024-01-07" in (kept.verdict or "")
    assert [r.version for r in city.store.ledger.reigns("city.minutes", "champion")] == ["1"]


def test_promotion_keeps_the_former_champion_as_previous(city):
    city.materialize(*DAYS[:6])
    city.retrain(DAYS[2])
    city.retrain(DAYS[5])
    aliases = {a: city.registry.alias("city.minutes", a) for a in ("champion", "previous")}
    assert aliases == {"champion": "2", "previous": "1"}


def test_a_promotion_killed_before_the_mirror_is_finished_by_the_next_try(city):
    city.materialize(*DAYS[:3])
    key = city.build(DAYS[2]).train_key
    city.train(key)
    city.evaluate(key)

    def dies(*_: object) -> None:
        raise ConnectionError

    city.registry.set_alias = dies
    with pytest.raises(ConnectionError):
        city.promote(key)
    del city.registry.set_alias
    assert city.promote(key).stage is Stage.PROMOTED
    assert city.registry.alias("city.minutes", "champion") == "1"
    assert len(city.store.ledger.reigns("city.minutes", "champion")) == 1


def test_a_metric_that_nobody_computes_is_named_with_those_there_are(city):
    city.model = replace(city.model, promote=PromotionPolicy("rsme"))
    city.materialize(*DAYS[:3])
    with pytest.raises(FunctionError, match="Did you mean 'rmse'"):
        city.retrain(DAYS[2])


def test_a_training_function_that_returns_no_pair_is_told_so(city):
    city.change_code('return Mean(mean), {"rows": dataset.num_rows}', "return Mean(mean)")
    city.materialize(*DAYS[:3])
    with pytest.raises(FunctionError, match="Return \\(model, metrics\\)"):
        city.retrain(DAYS[2])


def test_a_stage_before_its_time_says_which_comes_first(city):
    city.materialize(*DAYS[:3])
    key = city.build(DAYS[2]).train_key
    with pytest.raises(DataError, match="only built, and has to be registered"):
        city.evaluate(key)


def _train_alone(folder, module, key, results):
    import sys

    from airflow_ml_provider.stores.mlflow.registry import MLflowRegistry
    from airflow_ml_provider.stores.open import open_store
    from tests.steps.conftest import City

    sys.path.insert(0, str(folder))
    with open_store("duckdb", str(folder / "store.duckdb")) as store:
        registry = MLflowRegistry(f"sqlite:///{folder / 'registry.db'}", folder / "models")
        city = City(folder, module, store, registry)
        results.put(city.train(key).snapshot.version)


def test_eight_processes_at_once_register_one_version(city):
    from airflow_ml_provider.stores.mlflow.registry import MLflowRegistry

    city.materialize(*DAYS[:3])
    key = city.build(DAYS[2]).train_key
    city.store.release()
    context = get_context("spawn")
    results = context.Queue()
    racers = [
        context.Process(target=_train_alone, args=(city.folder, city.module, key, results))
        for _ in range(8)
    ]
    for racer in racers:
        racer.start()
    versions = [results.get(timeout=240) for _ in racers]
    for racer in racers:
        racer.join()
    assert versions == ["1"] * 8
    registry = MLflowRegistry(f"sqlite:///{city.folder / 'registry.db'}", city.folder / "models")
    found = registry._client.search_model_versions("name = 'city.minutes'")
    assert len(found) == 1
    assert registry.load("city.minutes", "1").value > 0
