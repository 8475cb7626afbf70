from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import FunctionError, OutsideWindowError, TableMissingError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.pipeline import Source
from airflow_ml_provider.domain.table import TableName, TimeSlice

KEY = "2024-01-02"


def python_view(city, body=None):
    if body is not None:
        city.change_code('CALLS.append(("demand", window.key))', body)
    return replace(city.view, sql=None, python=f"{city.module}:demand")


def test_sql_writes_exactly_the_rows_of_the_window(city):
    done = city.materialize(KEY)
    assert (done.change, done.line.rows) == (Change.WRITTEN, 72)
    assert city.sql(
        "SELECT min(moment)::date::text, max(moment)::date::text FROM features.demand"
    ) == [(KEY, KEY)]


def test_the_same_code_and_inputs_are_not_computed_again(city):
    view = python_view(city)
    city.materialize(KEY, view=view)
    again = city.materialize(KEY, view=view)
    assert again.change is Change.SKIPPED
    assert "same code" in again.reason
    assert city.calls == [("demand", KEY)]


def test_a_restated_source_recomputes_its_own_window_alone(city):
    city.materialize("2024-01-01", KEY)
    city.sql("UPDATE raw.trips SET riders = 0 WHERE moment::date = DATE '2024-01-02'")
    assert city.materialize("2024-01-01").change is Change.SKIPPED
    assert city.materialize(KEY).change is Change.WRITTEN


def test_a_source_that_changes_without_effect_leaves_the_features_untouched(city):
    city.materialize(KEY)
    city.sql("UPDATE raw.trips SET minutes = 0 WHERE moment::date = DATE '2024-01-02'")
    assert city.materialize(KEY).change is Change.UNCHANGED


def test_rows_written_behind_the_ledgers_back_are_repaired(city):
    city.materialize(KEY)
    city.sql("DELETE FROM features.demand WHERE station = 'north'")
    city.materialize(KEY)
    assert city.sql("SELECT count(*) FROM features.demand") == [(72,)]


def test_python_and_sql_give_the_same_content(city):
    by_sql = city.materialize(KEY).line.content_hash
    view = replace(python_view(city), table=TableName("features", "by_python"))
    assert city.materialize(KEY, view=view).line.content_hash == by_sql


def test_a_generator_of_tables_is_written_as_one_partition(city):
    view = python_view(
        city,
        "yield pa.table({n: trips[n][:10] for n in ('station', 'moment', 'riders')})\n"
        "    yield pa.table({n: trips[n][10:] for n in ('station', 'moment', 'riders')})\n"
        "    return",
    )
    assert city.materialize(KEY, view=view).line.rows == 72


def test_an_error_inside_a_generator_is_the_users_own_and_writes_nothing(city):
    view = python_view(
        city,
        "yield pa.table({n: trips[n][:10] for n in ('station', 'moment', 'riders')})\n"
        "    raise ZeroDivisionError('in the second batch')",
    )
    with pytest.raises(ZeroDivisionError, match="second batch"):
        city.materialize(KEY, view=view)
    line = city.store.ledger.line(view.table, KEY)
    assert line is not None
    assert not line.committed


def test_a_users_error_is_told_also_where_the_store_saw_only_arrows(city, monkeypatch):
    class Frame:
        def __init__(self, given):
            self.given = given

        def __arrow_c_stream__(self, requested_schema=None):
            return self.given.__arrow_c_stream__(requested_schema)

    def through_c(claim, owned, rows, **_):
        pa.RecordBatchReader.from_stream(Frame(rows)).read_all()

    monkeypatch.setattr(city.store, "replace", through_c)
    view = python_view(city, "yield trips.drop_columns(['minutes'])\n    1 / 0")
    with pytest.raises(ZeroDivisionError):
        city.materialize(KEY, view=view)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "returned None"),
        ("return {'station': []}", "a value of type dict"),
        ("return trips.drop_columns(['moment'])", "column 'moment' is missing"),
        ("return iter(())", "yielded nothing"),
    ],
)
def test_a_wrong_return_says_what_came_and_what_is_required(city, body, said):
    with pytest.raises(FunctionError, match=said):
        city.materialize(KEY, view=python_view(city, body))


def test_rows_of_another_day_are_refused_and_nothing_is_written(city):
    view = replace(city.view, sql="SELECT station, moment, riders FROM raw.trips")
    with pytest.raises(OutsideWindowError):
        city.materialize(KEY, view=view)
    owned = TimeSlice(
        "moment", *(getattr(city.view.calendar.window(KEY), n) for n in ("start", "end"))
    )
    assert not city.store.count(view.table, owned)


def test_a_missing_source_table_is_named(city):
    view = replace(city.view, sources=(Source("taxis", TableName("raw", "taxis"), "moment"),))
    with pytest.raises(TableMissingError, match=r"raw\.taxis"):
        city.materialize(KEY, view=view)
