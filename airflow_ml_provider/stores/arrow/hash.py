"""A hash of rows as Arrow, column by column, for engines that have none: no Python per row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.stores.connection.session import RowSums

if TYPE_CHECKING:
    import pyarrow as pa

ALGORITHM = "arrow1"
_WORD = 2**64
# The finalizer of MurmurHash3: every bit of a word changes each bit of the result half the time.
_FIRST, _SECOND, _SHIFT = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 33
_BYTES = 8
_LONG = 64
_SAMPLE, _FEW = 1024, 256


class RowHash:
    """
    Adds up hashes of rows that come in batches: blind to their order, not to duplicates.

    A column is given as arrays of one length; where one has NULL, the next one's value counts. So
    a column may hold values of several kinds. Whole numbers, times, floating points, text and
    bytes are told apart from each other, integers of different widths are not.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._hashes = 0

    def add(self, columns: Mapping[str, Sequence[pa.Array]]) -> None:
        """Add a batch of rows, at least one column wide."""
        import pyarrow as pa
        import pyarrow.compute as pc

        total = _number(0)
        for name, parts in columns.items():
            total = pc.add(total, _column(name, parts))
        added = pc.sum(_mixed(total), min_count=0).cast(pa.uint64()).as_py()
        self._rows += len(total)
        self._hashes = (self._hashes + added) % _WORD

    @property
    def sums(self) -> RowSums:
        """What has been added up so far."""
        return RowSums(self._rows, self._hashes)


def summed(batches: Iterable[Mapping[str, Sequence[pa.Array]]]) -> RowSums:
    """Return the sums of all rows that come."""
    rows = RowHash()
    for columns in batches:
        rows.add(columns)
    return rows.sums


@lru_cache(maxsize=4096)
def _salt(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=4096)
def _number(value: int) -> Any:
    import pyarrow as pa

    return pa.scalar(value % _WORD, pa.uint64())


def _mixed(words: Any) -> Any:
    import pyarrow.compute as pc

    for factor in (_FIRST, _SECOND):
        words = pc.bit_wise_xor(words, pc.shift_right(words, _number(_SHIFT)))
        words = pc.multiply(words, _number(factor))
    return pc.bit_wise_xor(words, pc.shift_right(words, _number(_SHIFT)))


def _plainly_mixed(word: int) -> int:
    for factor in (_FIRST, _SECOND):
        word = (word ^ word >> _SHIFT) * factor % _WORD
    return word ^ word >> _SHIFT


def _column(name: str, parts: Sequence[pa.Array]) -> Any:
    """Return a word for each value of a column; the same value gives another in another column."""
    import pyarrow.compute as pc

    salt, nothing = _number(_salt(name)), _number(_salt(f"NULL in {name}"))
    hashed = [_mixed(pc.bit_wise_xor(_words(part), salt)) for part in parts]
    return pc.coalesce(*hashed, nothing)


def _words(values: pa.Array) -> Any:
    """Return a word of 64 bits for each value, NULL for NULL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.uint64())
    if pa.types.is_floating(kind):
        # Zero has two signs and is one number; a salt tells 1.0 from the integer with its bits.
        bits = pc.add(values.cast(pa.float64()), 0.0).view(pa.uint64())
        return pc.bit_wise_xor(bits, _number(_FIRST))
    if pa.types.is_temporal(kind):
        values = values.view(pa.int32() if kind.bit_width == pa.int32().bit_width else pa.int64())
    if pa.types.is_integer(values.type) or pa.types.is_boolean(kind):
        return values.cast(pa.int64()).view(pa.uint64())
    return _text_words(values if pa.types.is_binary(kind) else values.cast(pa.string()))


def _text_words(values: pa.Array) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = values.cast(pa.binary())
    if len(pc.unique(text[:_SAMPLE])) > _FEW:
        return _spelled(text)
    # The same few words again and again: each is hashed once.
    coded = text.dictionary_encode()
    return _spelled(coded.dictionary).take(coded.indices)


def _spelled(text: pa.Array) -> Any:
    """Return the words of text: a sum over pieces of eight bytes, each mixed with its place."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Text of the same letters and another number of zero bytes differs by its length.
    total = _mixed(pc.binary_length(text).cast(pa.uint64()))
    short = _shortened(text.fill_null(b""))
    pieces = -(-(pc.max(pc.binary_length(short)).as_py() or 0) // _BYTES)
    flat = _padded(short, pieces * _BYTES)
    table = pa.FixedSizeListArray.from_arrays(flat, pieces) if pieces else None
    for place in range(pieces):
        salt = _salt(f"piece {place}")
        mixed = _mixed(pc.bit_wise_xor(pc.list_element(table, place), _number(salt)))
        # Padding adds nothing, so that the longest text of a batch does not count.
        total = pc.add(total, pc.subtract(mixed, _number(_plainly_mixed(salt))))
    return total


def _shortened(text: pa.Array) -> pa.Array:
    """Return text with a digest in place of each value that is long."""
    import pyarrow as pa
    import pyarrow.compute as pc

    long = pc.greater(pc.binary_length(text), _LONG)
    values = text.filter(long).to_pylist()
    if not values:
        return text
    digests = [hashlib.blake2b(value, digest_size=_LONG).digest() for value in values]
    return pc.replace_with_mask(text, long, pa.array(digests, pa.binary()))


def _padded(text: pa.Array, width: int) -> pa.Array:
    """Return the bytes of all values, each filled up with zeros, eight by eight."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zeros = pa.array([bytes(count) for count in range(width, -1, -1)], pa.binary())
    filled = pc.binary_join_element_wise(text, zeros.take(pc.binary_length(text)), b"")
    # What a function returns begins at the beginning of its buffers.
    _, _, data = filled.buffers()
    return pa.Array.from_buffers(pa.uint64(), len(filled) * width // _BYTES, [None, data])
