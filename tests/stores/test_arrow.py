from __future__ import annotations

from itertools import accumulate, chain, pairwise

import pyarrow as pa
from hypothesis import given, settings, strategies as st

from airflow_ml_provider.stores.arrow.inflow import in_blocks, in_pieces


@settings(deadline=None)
@given(
    st.lists(st.lists(st.text(max_size=40), max_size=60), max_size=4),
    st.integers(min_value=1, max_value=500),
)
def test_a_stream_in_pieces_has_the_same_rows(batches: list[list[str]], most: int) -> None:
    schema = pa.schema([("a", pa.string()), ("n", pa.int64())])
    given = [
        pa.RecordBatch.from_arrays(
            [pa.array(a, pa.string()), pa.array(range(len(a)), pa.int64())], ["a", "n"]
        )
        for a in batches
    ]

    pieces = in_pieces(pa.RecordBatchReader.from_batches(schema, given), most)

    assert pieces.read_all().equals(pa.Table.from_batches(given, schema))


def test_pieces_are_as_small_as_was_asked_but_never_less_than_a_row() -> None:
    numbers = pa.table({"n": pa.array(range(1_000), pa.int64())})

    assert {len(piece) for piece in in_pieces(numbers.to_reader(), 800)} == {100}
    assert {len(piece) for piece in in_pieces(numbers.to_reader(), 1)} == {1}


@settings(deadline=None)
@given(
    st.lists(st.integers(min_value=0, max_value=60), max_size=8),
    st.integers(min_value=1, max_value=100),
    st.integers(min_value=1, max_value=1_000),
)
def test_a_stream_in_blocks_has_the_same_rows_in_batches_of_one_size(
    sizes: list[int], rows: int, most: int
) -> None:
    numbers = pa.table({"n": pa.array(range(sum(sizes)), pa.int64())})
    ends = list(accumulate(sizes, initial=0))
    batches = [numbers[a:b].combine_chunks().to_batches() for a, b in pairwise(ends)]
    given = pa.RecordBatchReader.from_batches(numbers.schema, chain.from_iterable(batches))

    blocks = list(in_blocks(given, rows, most))

    assert pa.Table.from_batches(blocks, numbers.schema).equals(numbers)
    assert all(len(block) == rows or block.nbytes >= most for block in blocks[:-1])
    assert all(len(block) <= rows for block in blocks)
