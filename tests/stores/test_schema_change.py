"""A table that changes under a writer's hands, or has rules of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_ml_provider.domain.errors import DataError, SchemaMismatchError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import DATABASES, Place, place_of, until
from tests.stores.made import made, table_by_hand
from tests.stores.world import claim, day, put, readings, values, vouched


@pytest.fixture(params=DATABASES)
def lasting_place(request: pytest.FixtureRequest) -> Place:
    """Every database: tables of a lake are not changed by SQL."""
    return place_of(request)


def by_hand(store: Store, statement: str) -> None:
    store._session.execute(statement)  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", ["arrow", "sql"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ADD COLUMN unit TEXT", "'unit' is missing"),
        ("DROP COLUMN sensor", "'sensor' is unknown"),
        ("RENAME COLUMN sensor TO probe", "'probe' is missing.*'sensor' is unknown"),
    ],
)
def test_a_table_that_was_changed_after_the_claim_refuses_the_rows_of_before(
    lasting_place: Place, lasting: Store, change: str, said: str, way: str
) -> None:
    put(lasting, day(5), readings(day(5), 3))
    mine = claim(lasting, day(5))
    by_hand(lasting, f"ALTER TABLE lab.readings {change}")
    rows = readings(day(5), 2, 7.0) if way == "arrow" else made(lasting_place.kind, 2, 7.0)
    with pytest.raises(SchemaMismatchError, match=said):
        put(lasting, day(5), rows, claimed=mine)
    assert values(lasting, day(5)) == [1.0, 2.0, 3.0]


def test_a_column_that_was_widened_after_the_claim_takes_the_rows_of_before(
    lasting_place: Place, lasting: Store
) -> None:
    if lasting_place.kind == "sqlite":
        pytest.skip("SQLite cannot change the type of a column.")
    rows = readings(day(5), 3).drop_columns(["value"])
    narrow = rows.append_column("value", readings(day(5), 3)["value"].cast("int32"))
    put(lasting, day(5), narrow)
    mine = claim(lasting, day(5))
    change = {"mysql": "MODIFY COLUMN value"}.get(lasting_place.kind, "ALTER COLUMN value TYPE")
    by_hand(lasting, f"ALTER TABLE lab.readings {change} DOUBLE PRECISION")
    put(lasting, day(5), narrow.slice(1), claimed=mine)
    assert values(lasting, day(5)) == [2.0, 3.0]
    vouched(lasting, day(5))


def test_a_table_that_was_dropped_after_the_claim_is_made_again(lasting: Store) -> None:
    put(lasting, day(5), readings(day(5), 3))
    mine = claim(lasting, day(5))
    by_hand(lasting, "DROP TABLE lab.readings")
    put(lasting, day(5), readings(day(5), 3), claimed=mine)
    assert values(lasting, day(5)) == [1.0, 2.0, 3.0]
    vouched(lasting, day(5))


@pytest.mark.postgres
@pytest.mark.parametrize("way", ["arrow", "sql"])
def test_a_column_that_is_added_while_a_writer_waits_is_not_left_empty(
    postgres: Place, way: str
) -> None:
    rows = readings(day(5), 2, 7.0) if way == "arrow" else made(postgres.kind, 2, 7.0)
    with open_store(postgres.kind, postgres.location) as store, ThreadPoolExecutor(1) as pool:
        put(store, day(5), readings(day(5), 3))
        with open_store(postgres.kind, postgres.location) as person:
            person._session.begin()
            by_hand(person, "ALTER TABLE lab.readings ADD COLUMN unit TEXT")
            writing = pool.submit(put, store, day(5), rows)
            until(postgres, "wait_event_type = 'Lock'")
            person._session.commit()
        with pytest.raises(SchemaMismatchError, match="'unit' is missing"):
            writing.result(60)
        assert values(store, day(5)) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("way", ["arrow", "sql"])
@pytest.mark.parametrize(
    "rule",
    ["value DOUBLE PRECISION NOT NULL", "value DOUBLE PRECISION CHECK (value < 100)"],
)
def test_a_row_that_breaks_a_rule_of_the_table_leaves_the_old_partition(
    lasting_place: Place, lasting: Store, rule: str, way: str
) -> None:
    for statement in table_by_hand(lasting_place.kind, f"ts TIMESTAMPTZ, sensor TEXT, {rule}"):
        by_hand(lasting, statement)
    put(lasting, day(5), readings(day(5), 3))
    broken = made(lasting_place.kind, 200, 1.0, missing=9.0 if "NOT NULL" in rule else None)
    rows = broken if way == "sql" else lasting.query(broken)
    with pytest.raises(DataError):
        put(lasting, day(5), rows)
    assert values(lasting, day(5)) == [1.0, 2.0, 3.0]
    vouched(lasting, day(5))
    assert put(lasting, day(5), readings(day(5), 2)).change is Change.WRITTEN


@pytest.mark.parametrize("way", ["arrow", "sql"])
def test_a_key_that_comes_twice_is_an_error_in_the_data(
    lasting_place: Place, lasting: Store, way: str
) -> None:
    for statement in table_by_hand(
        lasting_place.kind,
        "ts TIMESTAMPTZ PRIMARY KEY, sensor TEXT, value DOUBLE PRECISION",
    ):
        by_hand(lasting, statement)
    put(lasting, day(5), readings(day(5), 3))
    twice = made(lasting_place.kind, 3, 7.0, twice=True)
    rows = twice if way == "sql" else lasting.query(twice)
    with pytest.raises(DataError):
        put(lasting, day(5), rows)
    assert values(lasting, day(5)) == [1.0, 2.0, 3.0]
    put(lasting, day(5), readings(day(5), 4, 7.0))
    assert values(lasting, day(5)) == [7.0, 8.0, 9.0, 10.0]
