"""Values come back as they were, or are refused aloud: on every store, whatever they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import DataError, MLProviderError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query, Store
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.world import READINGS, day, owned, put

NAN, INFINITE = math.nan, math.inf
TEXTS = [
    *("", "NULL", "\\N", "null", " ", "a\nb", "a\tb", "a\r\nb", "it's", '"q"', "\\", "{}", "a,b"),
    *("🙂", "e\u0301", "\u00e9", "\ufeff", "x" * 10_000),
]
ENDS_OF_TIME = [datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59), datetime(9999, 12, 31, 23)]
TO_THE_MICROSECOND = [
    datetime(1969, 12, 31, 23, 59, 59, 999_999),
    datetime(9999, 12, 31, 1, 1, 1, 1),
]
# The hour that Berlin has twice, and a moment of each of its sides.
CLOCK_CHANGE = [datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (23, 0, 1, 2)]


def in_utc(moments: Sequence[datetime]) -> list[datetime]:
    return [moment.replace(tzinfo=UTC) for moment in moments]


def decimals(precision: int, scale: int) -> tuple[pa.DataType, list[Decimal]]:
    """Return the awkward values of a decimal type: its ends, its smallest, multiples of 10^9."""
    most = "9" * precision
    values = [Decimal(f"{number}E-{scale}") for number in ("0", "1", "-1", most, f"-{most}")]
    billions = [Decimal(number) for number in ("1E9", "3E9") if precision - scale > 9]
    return pa.decimal128(precision, scale), values + billions


def integers(bits: int, *, signed: bool) -> list[int]:
    return (
        [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0]
        if signed
        else [0, 2**bits - 1, 2 ** (bits - 1)]
    )


VALUES: dict[str, tuple[pa.DataType, Sequence[Any]]] = {
    "float64": (pa.float64(), [-0.0, 5e-324, 1.7976931348623157e308, 0.1]),
    "float32": (pa.float32(), [-0.0, 1e-45, 3.4028234663852886e38]),
    "float16": (pa.float16(), [-0.0, 6e-8, 65504.0]),
    "nan64": (pa.float64(), [NAN]),
    "nan32": (pa.float32(), [NAN]),
    "nan16": (pa.float16(), [NAN]),
    "infinite64": (pa.float64(), [INFINITE, -INFINITE]),
    "infinite32": (pa.float32(), [INFINITE, -INFINITE]),
    "infinite16": (pa.float16(), [INFINITE]),
    **{f"int{b}": (getattr(pa, f"int{b}")(), integers(b, signed=True)) for b in (8, 16, 32, 64)},
    **{f"uint{b}": (getattr(pa, f"uint{b}")(), integers(b, signed=False)) for b in (8, 16, 32, 64)},
    "bool": (pa.bool_(), [True, False]),
    **{f"decimal{p}_{s}": decimals(p, s) for p, s in [(18, 2), (18, 4), (18, 6), (38, 9), (38, 38)]},
    "decimal_long": (pa.decimal256(60, 10), [Decimal("1" * 50 + ".0000000001")]),
    "decimal_short": (pa.decimal32(9, 2), [Decimal("-1.01")]),
    "decimal_hundreds": (pa.decimal128(10, -2), [Decimal(1200)]),
    "text": (pa.string(), TEXTS),
    "text_large": (pa.large_string(), TEXTS),
    "text_view": (pa.string_view(), TEXTS),
    "text_dictionary": (pa.dictionary(pa.int32(), pa.string()), ["a", "", "NULL", "a"]),
    "text_nul": (pa.string(), ["a\0b"]),
    "bytes": (pa.binary(), [b"", b"\0\xff", b"\\x00", b"'"]),
    "bytes_fixed": (pa.binary(2), [b"\0\xff"]),
    "embedding": (pa.list_(pa.float32()), [[0.5, -1.0], [], [0.1, None]]),
    "embedding_fixed": (pa.list_(pa.float32(), 2), [[0.5, 0.1]]),
    "embedding_odd": (pa.list_(pa.float32()), [[NAN, None, INFINITE]]),
    "embedding_fixed_odd": (pa.list_(pa.float32(), 2), [[0.5, NAN]]),
    "list_text": (pa.list_(pa.string()), [["a", "", "NULL", None, "b,c", '"{}"', "\\"], []]),
    "list_int": (pa.list_(pa.int64()), [[2**63 - 1, -(2**63), None], []]),
    "list_decimal": (pa.list_(pa.decimal128(10, 2)), [[Decimal("1.10"), None], []]),
    "list_list": (pa.list_(pa.list_(pa.int64())), [[[1, 2], [3]], []]),
    "struct": (pa.struct([("a", pa.int64()), ("b", pa.string())]), [{"a": None, "b": ""}]),
    "date": (pa.date32(), [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)]),
    "time": (pa.time64("us"), [time(0), time(23, 59, 59, 999_999)]),
    "time_nano": (pa.time64("ns"), [1001]),
    "moment_s": (pa.timestamp("s"), ENDS_OF_TIME),
    "moment_ms": (pa.timestamp("ms"), ENDS_OF_TIME),
    "moment_us": (pa.timestamp("us"), [*ENDS_OF_TIME, *TO_THE_MICROSECOND]),
    "moment_utc": (pa.timestamp("us", "UTC"), in_utc([*ENDS_OF_TIME, *TO_THE_MICROSECOND])),
    "moment_berlin": (pa.timestamp("us", "Europe/Berlin"), CLOCK_CHANGE),
    "moment_ns": (pa.timestamp("ns"), [1_700_000_000_000_000_001, -1]),
    "moment_ns_utc": (pa.timestamp("ns", "UTC"), [1_700_000_000_000_000_001, -1]),
    "duration": (pa.duration("us"), [timedelta(days=-1, microseconds=1)]),
    "nothing": (pa.null(), []),
}  # fmt: skip

REFUSED = {
    "delta": {"decimal_long", "duration", "time", "time_nano", "moment_ns", "moment_ns_utc"},
    "iceberg": {"decimal_long", "duration", "time_nano", "moment_ns", "moment_ns_utc"},
    "parquet": {"decimal_long", "duration", "time_nano", "moment_ns", "moment_ns_utc"},
    "memory": set(),
    "duckdb": {
        *("float16", "nan16", "infinite16", "duration"),
        *("decimal_long", "decimal_hundreds"),
    },
    "mysql": {
        *("nan64", "nan32", "nan16", "infinite64", "infinite32", "infinite16"),
        *("embedding_odd", "embedding_fixed_odd", "list_decimal", "struct", "duration"),
        *("time_nano", "moment_ns", "moment_ns_utc"),
    },
    "sqlite": {
        *("nan64", "nan32", "nan16", "embedding_odd", "embedding_fixed_odd"),
        *("uint64", "decimal_long", "decimal_hundreds", "list_decimal", "struct"),
        *(f"decimal{p}_{s}" for p, s in [(18, 2), (18, 4), (18, 6), (38, 9), (38, 38)]),
        *("time_nano", "moment_ns", "moment_ns_utc"),
    },
    "postgres": {
        *("text_nul", "list_decimal", "list_list", "struct", "duration"),
        *("time_nano", "moment_ns", "moment_ns_utc"),
    },
}


# Zero has one sign there.
SIGNLESS = {"mysql", "sqlite"}


def table(columns: dict[str, pa.Array]) -> pa.Table:
    """Return rows of one day with these columns, the shorter ones filled up with NULL."""
    count = max(map(len, columns.values()))
    moments = [day(5).start + timedelta(seconds=second) for second in range(count)]
    filled = {
        name: pa.concat_arrays([column, pa.nulls(count - len(column), column.type)])
        for name, column in columns.items()
    }
    return pa.table({"ts": pa.array(moments, pa.timestamp("us", "UTC")), **filled})


def column(name: str) -> pa.Array:
    kind, values = VALUES[name]
    return pa.array([None, *values], kind)


def plain(values: Any, *, signless: bool = False) -> list[str]:
    """Return what a column says, whatever type it has: moments as nanoseconds, zones apart."""
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]
        numbers = values.cast(pa.int64()).to_pylist()
        zone = bool(getattr(kind, "tz", None))
        return [f"{zone} {None if number is None else number * unit}" for number in numbers]
    if pa.types.is_floating(kind):
        zero = 0.0 if signless else -0.0
        return [repr(None if v is None else float(v) + zero) for v in values.to_pylist()]
    return [_said(value) for value in values.to_pylist()]


def _said(value: Any) -> str:
    # A whole number may come back as a decimal: PostgreSQL has no unsigned integers.
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{Decimal(value):f}"
    return repr(value)


def test_values_come_back_as_they_were(place: Place, store: Store) -> None:
    kept = [name for name in VALUES if name not in REFUSED[place.kind]]
    rows = table({name: column(name) for name in kept})
    put(store, day(5), rows)
    back = store.scan(READINGS, order_by=["ts"]).read_all()
    signless = place.kind in SIGNLESS
    assert {name: plain(back.column(name)) for name in kept} == {
        name: plain(rows.column(name), signless=signless) for name in kept
    }
    assert put(store, day(5), rows).change is Change.UNCHANGED
    assert put(store, day(5), store.scan(READINGS)).change is Change.UNCHANGED


def test_what_a_store_cannot_keep_it_refuses_aloud(place: Place, store: Store) -> None:
    for name in REFUSED[place.kind]:
        unfit = TableName("lab", name)
        with pytest.raises(MLProviderError):
            put(store, day(5), table({name: column(name)}), table=unfit)
        if store.capabilities.ddl_in_transaction:
            assert store.columns(unfit) == ()
        assert not store.count(unfit, owned(day(5)))


NARROWER = {
    "float64 to float32": (pa.float32(), pa.array([0.1], pa.float64())),
    "large float64 to float32": (pa.float32(), pa.array([1e300], pa.float64())),
    "large int64 to float64": (pa.float64(), pa.array([2**53 + 1], pa.int64())),
    "int64 to int32": (pa.int32(), pa.array([2**31], pa.int64())),
    "uint64 to int64": (pa.int64(), pa.array([2**63], pa.uint64())),
    "int64 to bool": (pa.bool_(), pa.array([2], pa.int64())),
    "float64 to int64": (pa.int64(), pa.array([1.5], pa.float64())),
    "nan to int64": (pa.int64(), pa.array([NAN], pa.float64())),
    "float64 to decimal": (pa.decimal128(10, 2), pa.array([0.125], pa.float64())),
    "nan to decimal": (pa.decimal128(10, 2), pa.array([NAN], pa.float64())),
    "decimal to decimal": (pa.decimal128(10, 2), pa.array([Decimal("1.005")], pa.decimal128(9, 3))),
    "decimal to float64": (pa.float64(), pa.array([Decimal("1" * 20)], pa.decimal128(20, 0))),
    "moment to date": (pa.date32(), pa.array([datetime(2024, 1, 5, 6)], pa.timestamp("us"))),
    "moment to time": (pa.time64("us"), pa.array([datetime(2024, 1, 5, 6)], pa.timestamp("us"))),
    "list of float64 to float32": (pa.list_(pa.float32()), pa.array([[0.5, 0.1]], pa.list_(pa.float64()))),
    "text to int64": (pa.int64(), pa.array(["007"])),
    "text to float64": (pa.float64(), pa.array(["much"])),
}  # fmt: skip


@pytest.mark.parametrize("name", NARROWER)
def test_a_value_that_would_become_another_in_the_column_is_refused(
    place: Place, store: Store, name: str
) -> None:
    kind, wider = NARROWER[name]
    if pa.types.is_time(kind) and "time" in REFUSED[place.kind]:
        pytest.skip("no column can be of this type")
    before = table({"v": pa.nulls(2, kind)})
    put(store, day(5), before)
    with pytest.raises(DataError):
        put(store, day(5), table({"v": wider}))
    assert store.count(READINGS, owned(day(5))) == 2


WIDER = {
    "float32 to float64": (pa.float64(), pa.array([0.5, None], pa.float32())),
    "float64 to float32": (pa.float32(), pa.array([0.5, None], pa.float64())),
    "nan of float32 to float64": (pa.float64(), pa.array([NAN, None], pa.float32())),
    "nan of float64 to float32": (pa.float32(), pa.array([NAN, INFINITE, None], pa.float64())),
    "int32 to int64": (pa.int64(), pa.array([-1, None], pa.int32())),
    "int64 to float64": (pa.float64(), pa.array([2**53, None], pa.int64())),
    "float64 to int64": (pa.int64(), pa.array([2.0, None], pa.float64())),
    "float64 to decimal": (pa.decimal128(10, 2), pa.array([0.1, -2.5, None], pa.float64())),
    "int64 to decimal": (pa.decimal128(38, 2), pa.array([2**62, None], pa.int64())),
    "decimal to decimal": (pa.decimal128(18, 4), pa.array([Decimal("1.05"), None], pa.decimal128(9, 2))),
    "decimal to float64": (pa.float64(), pa.array([Decimal("1.10"), None], pa.decimal128(9, 2))),
    "dictionary to text": (pa.string(), pa.array(["b", "a", None]).dictionary_encode()),
    "date to moment": (pa.timestamp("us"), pa.array([date(2024, 1, 5), None])),
    "nothing to text": (pa.string(), pa.nulls(2)),
    "list of float64 to float32": (pa.list_(pa.float32()), pa.array([[0.5], None], pa.list_(pa.float64()))),
    "nan of list of float64": (pa.list_(pa.float32()), pa.array([[0.5, NAN], None], pa.list_(pa.float64()))),
}  # fmt: skip


@pytest.mark.parametrize("name", WIDER)
def test_a_value_that_stays_the_same_in_the_column_is_taken(store: Store, name: str) -> None:
    if name.startswith("nan") and not store.capabilities.nan:
        pytest.skip("This store keeps no NaN.")
    kind, given = WIDER[name]
    put(store, day(5), table({"v": pa.nulls(1, kind)}))
    put(store, day(5), table({"v": given}))
    back = store.scan(READINGS, order_by=["ts"], columns=["v"]).read_all().column("v")
    assert plain(back) == plain(given.cast(kind))


@pytest.mark.postgres
def test_a_double_in_a_numeric_of_any_length_keeps_every_digit(postgres: Place) -> None:
    doubles = [0.1 + 0.2, 1e23, 5e-324, 1.7976931348623157e308, -0.5]
    with open_store(postgres.kind, postgres.location) as store:
        store._session.execute("CREATE SCHEMA lab")
        store._session.execute("CREATE TABLE lab.readings (ts timestamptz, v numeric)")
        put(store, day(5), table({"v": pa.array(doubles)}))
        rows = store.query(Query("SELECT v::text AS v FROM lab.readings ORDER BY ts")).read_all()
        assert [float(text) for text in rows.column("v").to_pylist()] == doubles
        back = store.scan(READINGS, order_by=["ts"]).read_all()
        assert back.column("v").to_pylist() == doubles


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("uuid", ["9b2e8a4e-0f6b-4d6a-9a53-3f6ad8a1a111", None], None),
        ("jsonb", ['{"a": [1, null]}', None], None),
        ("json", ['{"a":  1}'], None),
        ("varchar(3)", ["abc", None], None),
        ("char(3)", ["ab"], None),
        ("lab.mood", ["good", None], None),
        ("inet", ["10.0.0.1"], ["10.0.0.1/32"]),
    ],
)
def test_types_that_arrow_does_not_know_are_written_by_their_text(
    postgres: Place, kind: str, given: list[str | None], said: list[str | None] | None
) -> None:
    with open_store(postgres.kind, postgres.location) as store:
        by_hand = store._session.execute
        by_hand("CREATE SCHEMA lab")
        by_hand("CREATE TYPE lab.mood AS ENUM ('good', 'bad')")
        by_hand(f"CREATE TABLE lab.readings (ts timestamptz, v {kind})")
        put(store, day(5), table({"v": pa.array(given)}))
        rows = store.query(Query("SELECT v::text AS v FROM lab.readings ORDER BY ts")).read_all()
        assert rows.column("v").to_pylist() == (said or given)
        with pytest.raises(DataError):
            put(store, day(5), table({"v": pa.array(["long nonsense"])}))
        assert store.count(READINGS, owned(day(5))) == len(given)
