"""Properties of the hash of rows: what it is blind to, and what it never overlooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.stores.arrow.hash import summed
from airflow_ml_provider.stores.connection.session import RowSums

SCHEMA = pa.schema(
    [("n", pa.int64()), ("x", pa.float64()), ("s", pa.string()), ("b", pa.binary())]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "x": st.none() | st.floats(allow_nan=False),
            "s": st.none() | st.text(max_size=200),
            "b": st.none() | st.binary(max_size=20),
        }
    ),
    min_size=1,
    max_size=12,
)


def batches(table: pa.Table, size: int) -> Iterator[dict[str, Sequence[pa.Array]]]:
    for batch in table.to_batches(max_chunksize=size):
        yield {name: [batch.column(name)] for name in table.column_names}


def hashed(rows: Sequence[dict[str, object]] | pa.Table, size: int = 100) -> RowSums:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), SCHEMA)
    return summed(batches(table, size))


@given(ROWS, st.randoms(), st.integers(1, 5))
def test_neither_the_order_of_rows_nor_their_batches_count(rows, random, size):
    shuffled = random.sample(rows, len(rows))
    assert hashed(shuffled, size) == hashed(rows)


@given(ROWS)
def test_every_duplicate_counts(rows):
    assert hashed([*rows, rows[0]]) != hashed(rows)


@given(ROWS, ROWS)
def test_other_rows_have_another_hash(some, others):
    def counted(rows):
        # Zero has one sign.
        plain = ({**row, "x": None if row["x"] is None else row["x"] + 0.0} for row in rows)
        return sorted(repr([row[name] for name in SCHEMA.names]) for row in plain)

    assert (hashed(some) == hashed(others)) == (counted(some) == counted(others))


@given(ROWS, st.integers(0, 11), st.sampled_from(["n", "x", "s", "b"]), st.data())
def test_a_changed_cell_changes_the_hash(rows, place, name, data):
    place %= len(rows)
    before = rows[place][name]
    fresh = {"n": 17, "x": 0.5, "s": "new", "b": b"new"}
    value = data.draw(st.sampled_from([None, fresh[name]]))
    if value == before:
        return
    changed = [*rows[:place], {**rows[place], name: value}, *rows[place + 1 :]]
    assert hashed(changed) != hashed(rows)


@pytest.mark.parametrize(
    "two",
    [
        [{"n": 1, "x": 1.0}, {"n": 2, "x": 2.0}],
        [{"n": 0, "s": ""}, {"n": 1, "s": "a"}],
        [{"s": "a", "b": b"b"}, {"s": "c", "b": b"d"}],
    ],
)
def test_two_rows_that_exchange_a_value_are_other_rows(two):
    name = list(two[0])[1]
    swapped = [{**two[0], name: two[1][name]}, {**two[1], name: two[0][name]}]
    assert hashed(swapped) != hashed(two)


def test_two_columns_that_exchange_their_values_are_other_rows():
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    rows = pa.table({"a": [1, 2, 3], "b": [4, 5, 6]}, schema)
    assert hashed(rows.rename_columns(["b", "a"])) != hashed(rows)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([None, "", "\0", "\0\0", "a", "a\0", "a" * 8, "a" * 64, "a" * 65, "\0" * 64]),
        pa.array([None, b"", b"\0", b"\0" * 8, b"\0" * 16, b"\xff" * 64, b"\xff" * 100]),
        pa.array([None, 0, 1, -1, 2**63 - 1, -(2**63)]),
        pa.array([None, 0.0, 5e-324, 1.0, float("inf"), -float("inf")]),
        pa.array([None, False, True]),
    ],
    ids=["text", "bytes", "integers", "doubles", "flags"],
)
def test_values_that_look_alike_are_told_apart(values):
    hashes = {hashed(pa.table({"v": values.slice(i, 1)})) for i in range(len(values))}
    assert len(hashes) == len(values)


def test_integers_of_any_width_are_the_same_number_and_no_double():
    def one(kind):
        return hashed(pa.table({"v": pa.array([1], kind)}))

    assert one(pa.int8()) == one(pa.int64()) == one(pa.uint16())
    assert one(pa.float32()) == one(pa.float64())
    assert one(pa.int64()) != one(pa.float64())


def test_zero_has_one_sign():
    assert hashed(pa.table({"v": [0.0]})) == hashed(pa.table({"v": [-0.0]}))


def test_many_texts_and_few_are_hashed_alike():
    # More than a few different ones take another way than the same few again and again.
    many = [f"text {number}" for number in range(2_000)]
    one_by_one = [hashed(pa.table({"v": [text]})) for text in many]
    total = RowSums(2_000, sum(one.hashes for one in one_by_one) % 2**64)
    assert hashed(pa.table({"v": many}), 2_000) == total


def test_a_column_of_several_kinds_takes_the_first_that_is_there():
    numbers, texts = pa.array([1, None, None]), pa.array([None, "a", None])
    mixed = summed([{"v": [numbers, texts]}])
    apart = [summed([{"v": [part]}]) for part in (numbers.slice(0, 1), texts.slice(1, 1))]
    nothing = summed([{"v": [pa.nulls(1)]}])
    assert mixed.hashes == sum(one.hashes for one in (*apart, nothing)) % 2**64


def test_no_rows_have_a_hash_too():
    assert hashed(pa.table({"v": pa.array([], pa.string())})) == RowSums(0, 0)
