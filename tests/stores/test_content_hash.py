"""The hash of a partition's content: what changes it, and what must not."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from itertools import combinations_with_replacement, product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from tests.stores.conftest import Place
from tests.stores.doors import GENERIC, VERSIONED, lacks_column, open_store
from tests.stores.world import READINGS, day, put

Row = tuple[str | None, float | None, int | None]

TEXTS = st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3)
NUMBERS = st.none() | st.floats().map(lambda number: number + 0.0)
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, WHOLE), min_size=1, max_size=6)


def hash_of(store: Store, rows: list[Row]) -> str:
    """Write the rows as the whole day and return the hash that the ledger keeps of them."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    table = pa.table(
        {
            "ts": pa.array([day(5).start] * len(rows), pa.timestamp("us", "UTC")),
            "text": pa.array(columns[0], pa.string()),
            "number": pa.array(columns[1], pa.float64()),
            "whole": pa.array(columns[2], pa.int64()),
        }
    )
    line = put(store, day(5), table).line
    assert line.content_hash == store.version(READINGS, "ts", day(5))
    assert line.content_hash is not None
    return line.content_hash


def is_kept(store: Store, value: Any) -> bool:
    """Whether the store keeps a number at all."""
    if not isinstance(value, float) or math.isfinite(value):
        return True
    return store.capabilities.nan if math.isnan(value) else store.capabilities.infinity


def kept(store: Store, rows: list[Row]) -> list[Row]:
    """Return the rows with NULL for numbers that the store refuses."""
    return [(text, number if is_kept(store, number) else None, n) for text, number, n in rows]


def said(rows: list[Row]) -> list[str]:
    """Return the rows as a bag, in which NaN equals NaN."""
    return sorted(map(repr, rows))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, other=ROWS, data=st.data())
def test_equal_bags_of_rows_have_equal_hashes_and_no_others(
    store: Store, rows: list[Row], other: list[Row], data: st.DataObject
) -> None:
    rows, other = kept(store, rows), kept(store, other)
    shuffled = data.draw(st.permutations(rows))
    once = hash_of(store, rows)
    assert (hash_of(store, other) == once) == (said(other) == said(rows))
    assert hash_of(store, shuffled) == once
    assert hash_of(store, [*rows, rows[0]]) != once
    assert hash_of(store, rows[1:]) != once
    text, number, whole = rows[0]
    changed: list[Row] = [
        (f"{text}!", number, whole),
        (text, 7.25 if number != 7.25 else None, whole),
        (text, number, 7 if whole != 7 else None),
    ]
    for row in changed:
        assert hash_of(store, [row, *rows[1:]]) != once


def test_rows_that_exchange_a_value_are_other_rows(store: Store) -> None:
    rows: list[Row] = [("a", 1.5, 1), ("b", 2.5, 2)]
    exchanged: list[list[Row]] = [
        [("b", 1.5, 1), ("a", 2.5, 2)],
        [("a", 2.5, 1), ("b", 1.5, 2)],
        [("a", 1.5, 2), ("b", 2.5, 1)],
    ]
    hashes = [hash_of(store, one) for one in (rows, *exchanged)]
    assert len(set(hashes)) == len(hashes)


def test_nothing_is_taken_for_something_else(store: Store) -> None:
    rows: list[Row] = [
        (text, number, whole)
        for text, number, whole in product((None, "", "0"), (None, 0.0, math.nan), (None, 0, 1))
        if is_kept(store, number)
    ]
    hashes = {hash_of(store, [row]) for row in rows}
    assert len(hashes) == len(rows)
    assert hash_of(store, []) not in hashes


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.list_(pa.float64()), [None, [], [None], [0.0], [None, 0.0], [0.0, None], [0.0, 0.0]]),
        (
            pa.list_(pa.string()),
            [None, [], [None], [""], ["", ""], ["a", "b"], ["ab"], ["b", "a"]],
        ),
        (pa.list_(pa.float32(), 2), [None, [None, None], [0.0, None], [None, 0.0], [0.0, 0.0]]),
        (pa.binary(), [None, b"", b"\0", b"\0\0"]),
        (pa.bool_(), [None, False, True]),
        (pa.timestamp("us"), [None, datetime(1970, 1, 1), datetime(2000, 1, 1)]),
        (pa.date32(), [None, date(1970, 1, 1), date(2000, 1, 1)]),
        (pa.time64("us"), [None, time(0), time(0, 0, 0, 1)]),
        (pa.decimal128(9, 2), [None, Decimal(0), Decimal("0.01"), Decimal(1)]),
        (pa.float32(), [None, 0.0, math.nan, math.inf, -math.inf]),
    ],
    ids=str,
)
def test_no_value_of_any_type_is_taken_for_another(
    place: Place, store: Store, kind: pa.DataType, values: list[Any]
) -> None:
    if pa.types.is_time(kind) and place.kind == "delta":
        pytest.skip("Delta has no time of day.")
    if lacks_column(place.kind, kind):
        pytest.skip("no column can be of this type")
    hashes = set()
    values = [value for value in values if is_kept(store, value)]
    for value in values:
        at = pa.array([day(5).start], pa.timestamp("us", "UTC"))
        line = put(store, day(5), pa.table({"ts": at, "value": pa.array([value], kind)})).line
        hashes.add(line.content_hash)
    assert len(hashes) == len(values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            pa.list_(pa.list_(pa.int64())),
            [None, [], [None], [[]], [[None]], [[], []], [[0]], [[1], [2]], [[1, 2]], [[2], [1]]],
        ),
        (
            pa.struct([("a", pa.string()), ("b", pa.string())]),
            [None, *({"a": a, "b": b} for a in (None, "", "x") for b in (None, "", "x"))],
        ),
        (pa.list_(pa.struct([("a", pa.int64())])), [None, [], [None], [{"a": None}], [{"a": 0}]]),
        (pa.map_(pa.string(), pa.int64()), [None, [], [("a", None)], [("a", 0)], [("b", 0)]]),
    ],
    ids=["lists", "struct", "structs", "map"],
)
def test_no_nested_value_is_taken_for_another(
    duckdb_file: Place, kind: pa.DataType, values: list[Any]
) -> None:
    with open_store(duckdb_file.kind, duckdb_file.location) as store:
        test_no_value_of_any_type_is_taken_for_another(duckdb_file, store, kind, values)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bit(3)", ["101", "011"]),
        ("bit varying(9)", ["1", "01"]),
        ("money", ["1.00", "2.00"]),
        ("json", ["{}", '{"a": 1}']),
        ("jsonb", ["{}", '{"a": 1}']),
        ("json[]", ["{}", '{"{}"}']),
        ("point", ["(1,2)", "(2,1)"]),
        ("tsvector", ["a b", "b c"]),
        ("int4range", ["[1,2)", "[1,3)"]),
        ("interval", ["1 day", "2 days"]),
        ("char(3)", ["a", "b"]),
        ("uuid", ["9b2e8a4e-0f6b-4d6a-9a53-3f6ad8a1a111", "9b2e8a4e-0f6b-4d6a-9a53-3f6ad8a1a112"]),
        ("inet[]", ["{10.0.0.1}", "{10.0.0.2}"]),
    ],
)
def test_every_type_of_postgres_has_a_hash(postgres: Place, kind: str, values: list[str]) -> None:
    with open_store(postgres.kind, postgres.location) as store:
        sql = (
            f"SELECT CAST(:at AS timestamptz) AS ts, CAST(CAST(:value AS text) AS {kind}) AS value"
        )
        hashes = {
            put(store, day(5), Query(sql, {"at": day(5).start, "value": value})).line.content_hash
            for value in [None, *values]
        }
    assert len(hashes) == 3


def test_values_that_change_places_change_the_hash(store: Store) -> None:
    rows: list[Row] = [("a", 1.0, 1), ("a", 2.0, 1), ("b", 1.0, 1), ("b", 2.0, 1), ("a", 1.0, 2)]
    bags = list(combinations_with_replacement(rows, 2))
    assert len({hash_of(store, list(bag)) for bag in bags}) == len(bags)


def test_a_column_counts_by_its_name_and_not_by_its_place(lasting: Store) -> None:
    rows: dict[str, Any] = {
        "ts": pa.array([day(5).start], pa.timestamp("us", "UTC")),
        "a": [1],
        "b": [2],
    }
    put(lasting, day(5), pa.table(rows))
    swapped = pa.table({"b": rows["b"], "ts": rows["ts"], "a": rows["a"]})
    assert put(lasting, day(5), swapped).change is Change.UNCHANGED
    crossed = pa.table({"ts": rows["ts"], "a": rows["b"], "b": rows["a"]})
    assert put(lasting, day(5), crossed).change is Change.WRITTEN


def test_the_hash_is_the_same_for_every_process_and_number_of_threads(
    lasting_place: Place,
) -> None:
    # Enough for several threads, where the engine has any; elsewhere each row is one of Python's.
    count = 20_000 if lasting_place.kind in {*GENERIC, *VERSIONED} else 200_000
    rows = pa.table(
        {
            "ts": pa.array([day(5).start] * count, pa.timestamp("us", "UTC")),
            "value": pa.array(range(count), pa.int64()),
        }
    )
    with open_store(lasting_place.kind, lasting_place.location) as store:
        line = put(store, day(5), rows).line
    with open_store(lasting_place.kind, lasting_place.location) as again:
        assert again.version(READINGS, "ts", day(5)) == line.content_hash
        if lasting_place.kind == "duckdb":
            again._session.execute("SET threads = 1")
        assert again.version(READINGS, "ts", day(5)) == line.content_hash
