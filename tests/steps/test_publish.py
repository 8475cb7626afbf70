from __future__ import annotations

from airflow_ml_provider.steps.publish import confirm, promoted, unpublished
from tests.steps.conftest import day

KEY = "2024-01-02"


def test_a_change_is_unpublished_until_it_is_confirmed(city):
    city.materialize(KEY)
    for _ in range(2):
        line = unpublished(city.store, city.view.table, KEY)
        assert line is not None
    assert line.changed_token is not None
    confirm(city.store, city.view.table, KEY, line.changed_token)
    assert unpublished(city.store, city.view.table, KEY) is None


def test_content_that_stayed_is_not_published_again(city):
    city.materialize(KEY)
    line = city.store.ledger.line(city.view.table, KEY)
    confirm(city.store, city.view.table, KEY, line.changed_token)
    city.sql("UPDATE raw.trips SET minutes = 0 WHERE moment::date = DATE '2024-01-02'")
    city.materialize(KEY)
    assert unpublished(city.store, city.view.table, KEY) is None


def test_a_change_made_while_the_first_is_confirmed_stays_unpublished(city):
    city.materialize(KEY)
    first = unpublished(city.store, city.view.table, KEY)
    city.sql("UPDATE raw.trips SET riders = 0 WHERE moment::date = DATE '2024-01-02'")
    city.materialize(KEY)
    confirm(city.store, city.view.table, KEY, first.changed_token)
    assert unpublished(city.store, city.view.table, KEY) is not None


def test_a_window_that_was_never_computed_has_nothing_to_publish(city):
    assert unpublished(city.store, city.view.table, KEY) is None


def test_a_promotion_is_found_by_the_window_that_led_to_it(city):
    city.materialize("2024-01-01", KEY, "2024-01-03")
    city.retrain("2024-01-03")
    assert promoted(city.store, city.model, day("2024-01-03")).snapshot.version == "1"
    assert promoted(city.store, city.model, day(KEY)) is None
