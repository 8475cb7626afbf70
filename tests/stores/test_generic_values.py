"""Values of drivers on their way to Arrow: each the same, or refused with its column's name."""

from __future__ import annotations

import math
import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import DataError, SchemaMismatchError
from airflow_ml_provider.stores.connection.statement import Statement
from airflow_ml_provider.stores.generic.answer import batch_of, schema_of
from airflow_ml_provider.stores.generic.profile import STANDARD_TYPES
from airflow_ml_provider.stores.generic.types import declared, meant, spelled
from airflow_ml_provider.stores.generic.values import Hashes, array

BERLIN = timezone(timedelta(hours=2))
NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 1.5], pa.int64()),
        ([Decimal("1.5")], pa.int64()),
        ([2**40], pa.int32()),
        ([datetime(2024, 1, 5, 6)], pa.date32()),
        ([2], pa.bool_()),
        (["x"], pa.float64()),
        ([1], pa.string()),
        ([Decimal("1.005")], pa.decimal128(10, 2)),
    ],
)
def test_a_value_of_another_kind_is_refused_and_never_cut(values: list[Any], kind: Any) -> None:
    with pytest.raises(DataError, match="Column 'v' holds a value that is no"):
        array("v", values, kind)


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        ([1, None, 0, True], pa.bool_(), [True, None, False, True]),
        ([Decimal(3), None], pa.int64(), [3, None]),
        ([datetime(2024, 1, 5)], pa.date32(), [date(2024, 1, 5)]),
        ([NOON.astimezone(BERLIN)], pa.timestamp("us"), [NOON.replace(tzinfo=None)]),
        ([memoryview(b"a")], pa.binary(), [b"a"]),
    ],
)
def test_what_drivers_write_otherwise_is_the_same_value(
    values: list[Any], kind: Any, kept: list[Any]
) -> None:
    assert array("v", values, kind).to_pylist() == kept


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, 1, 2], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([NOON.astimezone(BERLIN)], pa.timestamp("us", "UTC")),
        ([NOON.replace(tzinfo=None)], pa.timestamp("us")),
        ([date(2024, 1, 5)], pa.date32()),
        ([time(6)], pa.time64("us")),
        ([UUID(int=1)], pa.string()),
        ([{"b": 1, "a": None}], pa.string()),
        ([[1, 2]], pa.list_(pa.int64())),
        ([memoryview(b"a")], pa.binary()),
        ([None], pa.null()),
    ],
)
def test_values_tell_their_type(values: list[Any], kind: Any) -> None:
    assert array("v", values, None).type == kind


def test_a_column_that_begins_with_null_has_the_type_of_its_first_value() -> None:
    asked: list[str] = []

    def ask(statement: Statement) -> tuple[Any, ...]:
        asked.append(statement.text)
        return (2.5,)

    schema = schema_of(["a", "b"], [(1, None)], {}, Statement("SELECT"), ask)
    assert schema == pa.schema([("a", pa.int64()), ("b", pa.float64())])
    assert len(asked) == 1
    assert 'SELECT "b" FROM' in asked[0]
    assert batch_of([(2, 0.5)], schema).to_pylist() == [{"a": 2, "b": 0.5}]
    with pytest.raises(DataError, match="Column 'a'"):
        batch_of([(2.5, 0.5)], schema)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(SchemaMismatchError, match=r"\['a'\] twice"):
        schema_of(["a", "a"], [(1, 2)], {}, Statement("SELECT"), lambda _: None)


def test_a_difference_has_the_name_of_its_column() -> None:
    sent, found = Hashes(), Hashes()
    sent.add({"a": pa.array([1, 2]), "b": pa.array(["x", ""])})
    found.add({"a": pa.array([2, 1]), "b": pa.array(["x", None])})
    assert sent.differing(found) == ["b"]


def test_every_nan_is_the_same() -> None:
    other = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))[0]
    sent, found = Hashes(), Hashes()
    sent.add({"a": pa.array([other, None])})
    found.add({"a": pa.array([None, math.nan])})
    assert sent.sums == found.sums


@pytest.mark.parametrize(("unit", "same"), [(None, True), ("K", False)])
def test_a_column_may_be_left_out_of_a_comparison_where_it_holds_nothing(
    unit: str | None, same: bool
) -> None:
    sent, found = Hashes(), Hashes()
    sent.add({"a": pa.array([1, 2]), "unit": pa.array([None, unit], pa.string())})
    found.add({"a": pa.array([1, 2])})
    assert sent.same(found) is same
    assert sent.differing(found) == ([] if same else ["unit"])


@pytest.mark.parametrize("digits", ["1.10", "1.1", "1.100"])
def test_a_decimal_is_its_value_with_however_many_zeros(digits: str) -> None:
    one, other = Hashes(), Hashes()
    one.add({"a": pa.array([Decimal("1.1"), Decimal(100)])})
    other.add({"a": pa.array([Decimal(digits), Decimal("100.00")])})
    assert one.sums == other.sums


@pytest.mark.parametrize(
    ("declaration", "kind"),
    [
        ("character varying", pa.string()),
        ("NVARCHAR(MAX)", pa.string()),
        ("timestamp(6) with time zone", pa.timestamp("us", "UTC")),
        ("TIMESTAMP_NTZ(6)", pa.timestamp("us")),
        ("double precision", pa.float64()),
        ("NUMBER(38, 0)", pa.decimal128(38, 0)),
        ("numeric", None),
        ("jsonb", None),
        ("ARRAY", None),
    ],
)
def test_types_are_known_as_engines_spell_them(declaration: str, kind: Any) -> None:
    assert meant(declaration) == kind


def test_a_decimal_of_a_catalog_comes_with_its_digits_and_an_integer_without() -> None:
    assert spelled("numeric", 18, 2) == "numeric(18, 2)"
    assert spelled("integer", 32, 0) == "integer"
    assert spelled("numeric", None, None) == "numeric"


def test_what_is_declared_means_what_was_declared() -> None:
    kinds = [pa.bool_(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(),
             pa.decimal128(18, 2), pa.string(), pa.date32(), pa.time64("us"),
             pa.timestamp("us"), pa.timestamp("us", "UTC")]  # fmt: skip
    assert [meant(declared(pa.field("a", kind), STANDARD_TYPES)) for kind in kinds] == kinds
