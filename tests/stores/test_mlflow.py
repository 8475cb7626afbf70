from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from airflow_ml_provider.domain.errors import MissingExtraError, UnavailableError
from airflow_ml_provider.stores.mlflow.registry import MLflowRegistry


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    return MLflowRegistry(f"sqlite:///{folder / 'registry.db'}", folder / "models")


def register(registry, model, key, artifact=None, **metrics):
    return registry.register(
        model, artifact or {"key": key}, train_key=key, metrics=metrics, tags={"rows": "7"}
    )


def test_an_estimator_comes_back_as_it_was_saved(registry):
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    made = register(registry, "demo.lines", "k1", fitted, rmse=0.5)
    loaded = registry.load("demo.lines", made.version)
    assert type(loaded) is LinearRegression
    assert loaded.predict([[3.0]]) == pytest.approx([6.0])


def test_anything_else_that_pickles_comes_back_as_it_was_saved(registry):
    made = register(registry, "demo.rules", "k1", {"north": 3, "south": [1, 2]})
    assert registry.load("demo.rules", made.version) == {"north": 3, "south": [1, 2]}


def test_a_retry_adopts_the_version_of_its_key(registry):
    first = register(registry, "demo.retried", "k1")
    assert register(registry, "demo.retried", "k1") == first
    assert register(registry, "demo.retried", "k2").version == "2"
    assert registry.find("demo.retried", "k1") == first
    assert registry.find("demo.retried", "k3") is None


def test_of_two_versions_with_one_key_the_lowest_counts(registry):
    first = register(registry, "demo.twice", "k1")
    source = registry._client.get_model_version("demo.twice", first.version).source
    registry._client.create_model_version(
        "demo.twice", source, tags={"airflow_ml.train_key": "k1"}
    )
    assert registry.find("demo.twice", "k1") == first


def test_versions_come_in_the_order_in_which_they_were_made(registry):
    for number in range(12):
        register(registry, "demo.many", f"k{number}")
    assert [version.version for version in registry.versions("demo.many")] == [
        str(number) for number in range(1, 13)
    ]
    assert registry.versions("demo.nobody") == []


def test_an_alias_is_none_until_it_is_set_and_then_moves(registry):
    register(registry, "demo.alias", "k1")
    register(registry, "demo.alias", "k2")
    assert registry.alias("demo.alias", "champion") is None
    assert registry.alias("demo.nobody", "champion") is None
    for version in ("1", "2"):
        registry.set_alias("demo.alias", "champion", version)
        assert registry.alias("demo.alias", "champion") == version


def test_metrics_and_tags_are_there_for_people(registry):
    made = register(registry, "demo.metrics", "k1", rmse=0.5)
    registry.log_metrics("demo.metrics", made.version, {"holdout_rmse": 0.7})
    version = registry._client.get_model_version("demo.metrics", made.version)
    run = registry._client.get_run(version.run_id)
    assert run.data.metrics == {"rmse": 0.5, "holdout_rmse": 0.7}
    assert version.tags == {"rows": "7", "airflow_ml.train_key": "k1"}
    assert run.info.status == "FINISHED"


def test_different_models_at_once_are_all_registered(registry):
    with ThreadPoolExecutor(4) as pool:
        names = [f"demo.at_once_{number}" for number in range(4)]
        made = list(pool.map(lambda name: register(registry, name, "k1"), names))
    assert [version.version for version in made] == ["1"] * 4


def test_nothing_is_said_and_no_setting_of_the_process_is_left(registry, capsys, caplog):
    import mlflow

    before = mlflow.get_tracking_uri()
    with caplog.at_level(logging.DEBUG, logger="root"):
        register(registry, "demo.quiet", "k1")
    assert capsys.readouterr() == ("", "")
    assert mlflow.get_tracking_uri() == before


def _open(uri, results):
    MLflowRegistry(uri).find("nobody", "nothing")
    results.put("opened")


def test_two_processes_may_make_the_tables_at_once(tmp_path):
    context = get_context("spawn")
    results = context.Queue()
    uri = f"sqlite:///{tmp_path / 'new.db'}"
    racers = [context.Process(target=_open, args=(uri, results)) for _ in range(2)]
    for racer in racers:
        racer.start()
    assert [results.get(timeout=120) for _ in racers] == ["opened", "opened"]
    for racer in racers:
        racer.join()


def test_a_server_that_is_down_is_unavailable_and_its_secret_is_not_told(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = MLflowRegistry("http://ada:hunter2@127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9 does not answer") as caught:
        registry.find("demo", "k1")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in registry.address


def test_without_mlflow_the_extra_is_named(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"airflow-ml-provider\[mlflow\]"):
        MLflowRegistry(f"sqlite:///{tmp_path / 'r.db'}").find("demo", "k1")
