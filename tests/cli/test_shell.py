"""Run, why and status: the steps and the ledger, from a shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.hooks.store import open_store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_partition_is_computed_once_and_explains_itself(shell, shop: Path, golden, mask):
    first = shell("run", "shop.spend", "--partition", "2026-01-02")
    second = shell("run", "shop.spend", "--partition", "2026-01-02")

    assert (first.code, second.code) == (0, 0)
    golden("run_feature.txt", mask(first.out + second.out))
    golden("why_partition.txt", mask(shell("why", "shop.spend", "--partition", "2026-01-02").out))


def test_changed_sql_is_told(shell, shop: Path):
    shell("run", "shop.spend", "--partition", "2026-01-02")
    with (shop / "spend.sql").open("a") as file:
        file.write("-- changed")

    told = shell("why", "shop.spend", "--partition", "2026-01-02").out

    assert "changed since: the code; another run would compute it again" in told


def test_changed_rows_of_a_source_are_told_by_its_name(shell, shop: Path):
    import duckdb

    shell("run", "shop.spend", "--partition", "2026-01-02")
    with duckdb.connect(str(shop.parent / "home" / "store.duckdb")) as connection:
        connection.execute("UPDATE raw.orders SET amount = amount + 1")

    told = shell("why", "shop.spend", "--partition", "2026-01-02").out

    assert "changed since: raw.orders; another run" in told


def test_a_window_without_its_data_is_not_computed_unless_asked_for(shell, shop: Path):
    waiting = shell("run", "shop.spend", "--partition", "2026-02-01")

    assert waiting.code == 1
    assert waiting.out.splitlines()[1:] == []
    assert "not ready, so nothing was computed: WAIT, because orders rows: 0 rows" in waiting.err
    with open_store() as store:
        assert store.ledger.lines(_spend()) == []

    asked = shell("run", "shop.spend", "--partition", "2026-02-01", "--unready")

    assert asked.code == 1
    assert "rows failed: 0 rows, required at least 1" in asked.err


def test_a_failed_try_is_told_with_what_is_awaited(shell, shop: Path, golden, mask):
    shell("run", "shop.spend", "--partition", "2026-02-01", "--unready")

    golden("why_failed.txt", mask(shell("why", "shop.spend", "--partition", "2026-02-01").out))


def test_a_partition_nobody_has_claimed_is_told(shell, shop: Path):
    told = shell("why", "shop.spend", "--partition", "2026-01-03").out

    assert "never: no run has come as far as computing it" in told
    assert "READY, because orders rows: 4 rows" in told


def test_a_day_in_the_life_of_a_shop(shell, shop: Path, golden, mask):
    # Four days of features, a first training, the next day fresh, and predictions of one day.
    for day in ("01", "02", "03", "04"):
        shell("run", "shop.spend", "--partition", f"2026-01-{day}")
    trained = shell("run", "shop.basket", "--partition", "2026-01-04")
    shell("run", "shop.spend", "--partition", "2026-01-05")
    predicted = shell("run", "shop.expected", "--partition", "2026-01-05")
    again = shell("run", "shop.basket", "--partition", "2026-01-04")

    assert [answer.err for answer in (trained, predicted, again)] == [""] * 3
    golden("run_training.txt", mask(trained.out + again.out))
    golden("run_inference.txt", mask(predicted.out))
    golden("why_model.txt", mask(shell("why", "shop.basket").out))
    golden("why_table.txt", mask(shell("why", "shop.expected").out))
    golden(
        "why_predictions.txt", mask(shell("why", "shop.expected", "--partition", "2026-01-05").out)
    )
    golden("status.txt", mask(shell("status").out))


def test_a_promotion_that_asks_for_a_person_waits_for_one(shell, shop: Path):
    path = shop / "shop.yaml"
    path.write_text(path.read_text().replace("promote: {metric: rmse}", "approve: true"))
    for day in ("01", "02", "03", "04"):
        shell("run", "shop.spend", "--partition", f"2026-01-{day}")

    asked = shell("run", "shop.basket", "--partition", "2026-01-04")

    assert asked.code == 0
    assert "approve          a person has to agree: run this again with --approve" in asked.out
    with open_store() as store:
        assert list(store.ledger.reigns("shop.basket", "champion")) == []

    agreed = shell("run", "shop.basket", "--partition", "2026-01-04", "--approve")

    assert "promoted: version 1" in agreed.out


def test_an_unknown_pipeline_suggests_the_nearest(shell, shop: Path):
    answer = shell("why", "shop.spnd")

    assert answer.code == 1
    assert answer.err == "No pipeline is called 'shop.spnd' in dags. Did you mean 'shop.spend'?\n"


def test_a_key_that_names_no_window_is_told(shell, shop: Path):
    answer = shell("run", "shop.spend", "--partition", "2026-01")

    assert answer.code == 1
    assert "'2026-01' is not a partition key of granularity 'day'" in answer.err


def test_one_bad_file_hides_no_other(shell, shop: Path):
    (shop / "bad.yaml").write_text("system: bad\nfeatures: 7\n")

    answer = shell("status")

    assert answer.code == 1
    assert "shop.spend" in answer.out
    assert "dags/bad.yaml:2:11: features: must be a mapping" in answer.err
    assert shell("why", "shop.spend").code == 0
    assert "dags/bad.yaml:2:11" in shell("why", "bad.thing").err


def test_a_folder_that_is_not_there_is_told(shell, tmp_path: Path):
    answer = shell("status", "--dags", "nowhere")

    assert answer.code == 1
    assert (
        answer.err
        == "There is no folder nowhere. Name the one with the YAML files: --dags FOLDER.\n"
    )


def test_only_one_system_can_be_asked_for(shell, shop: Path):
    answer = shell("status", "other")

    assert (answer.code, answer.out) == (1, "There is no pipeline in dags of other.\n")


def _spend():
    from airflow_ml_provider.domain.table import TableName

    return TableName("shop", "spend")


def test_an_error_in_a_users_function_is_told_from_their_code_on(shell, shop: Path):
    text = (shop / "shop.yaml").read_text()
    (shop / "shop.yaml").write_text(text.replace("sql: spend.sql", "python: shop_ml:spend"))
    with (shop / "shop_ml.py").open("a") as file:
        file.write("\n\ndef spend(window, orders):\n    return orders[no_such_column]\n")

    told = shell("run", "shop.spend", "--partition", "2026-01-02")

    assert told.code == 1
    assert told.err.splitlines()[0] == "Traceback (most recent call last):"
    assert told.err.count("  File ") == 1
    assert "shop_ml.py" in told.err
    assert told.err.splitlines()[-1] == "NameError: name 'no_such_column' is not defined"


@pytest.mark.airflow
def test_a_pipeline_is_drawn_or_written_as_python(shell, shop: Path):
    drawn = shell("render", "shop.basket")
    written = shell("render", "shop.basket", "--python")

    chain = "check_staleness >> build_dataset >> train >> evaluate >> promote >> publish"
    assert drawn.out.splitlines()[-1] == chain
    compile(written.out, "basket.py", "exec")
    assert "pipeline = TrainedModel(name='shop.basket'" in written.out
