"""Values in a lake: what goes in comes out, in types that every reader knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.stores.lake.store import LakeStore
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.world import READINGS, day, put, vouched

MOMENT = datetime(2024, 1, 5, 23, 59, 59, 999_999, tzinfo=UTC)
AWKWARD: dict[str, pa.Array] = {
    "tiny": pa.array([-128, 127, None], pa.int8()),
    "byte": pa.array([0, 255, None], pa.uint8()),
    "wide": pa.array([0, 2**32 - 1, None], pa.uint32()),
    "widest": pa.array([0, 2**64 - 1, None], pa.uint64()),
    "long": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
    "half": pa.array([1.5, -0.0, None], pa.float32()).cast(pa.float16()),
    "real": pa.array([float("nan"), float("-inf"), None], pa.float64()),
    "price": pa.array(
        [Decimal("1000000000.0000"), Decimal("-0.0001"), None], pa.decimal128(18, 4)
    ),
    "text": pa.array(["", "NULL\n\"'\\N 🙂", None], pa.large_string()),
    "category": pa.array(["a", "b", None]).dictionary_encode(),
    "nothing": pa.nulls(3),
    "bytes": pa.array([b"\x00\xff", b"", None], pa.binary(-1)),
    "date": pa.array([date(1960, 2, 29), date(9999, 12, 31), None], pa.date32()),
    "nanos": pa.array(
        [MOMENT, datetime(1960, 1, 1, tzinfo=UTC), None], pa.timestamp("ns", "Europe/Berlin")
    ),
    "local": pa.array(
        [MOMENT.replace(tzinfo=None), datetime(9999, 1, 1), None], pa.timestamp("us")
    ),
    "flag": pa.array([True, False, None], pa.bool_()),
    "list": pa.array([[1, None], [], None], pa.list_(pa.int32())),
    "vector": pa.array([[1.0, 2.0], [3.0, 4.0], None], pa.list_(pa.float32(), 2)),
    "struct": pa.array([{"a": 1, "b": ["x"]}, {"a": None, "b": []}, None]),
    "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
}


@pytest.fixture
def store(lake_place: Place) -> Any:
    with open_store(lake_place.kind, lake_place.location) as opened:
        assert isinstance(opened, LakeStore)
        yield opened


def awkward() -> pa.Table:
    return pa.table({"ts": pa.array([day(5).start] * 3, pa.timestamp("us", "UTC")), **AWKWARD})


def shown(table: pa.Table) -> list[dict[str, str]]:
    """Return rows as text: a NaN is a NaN, kinds of numbers and zones of times do not count."""
    rows = table.select(sorted(table.column_names)).to_pylist()
    return [{name: repr(_plain(value)) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value).normalize(Context(prec=60))
    return value


def test_awkward_values_come_out_as_they_went_in(store: LakeStore) -> None:
    rows = awkward()
    put(store, day(5), rows)
    kept = store.scan(READINGS, order_by=["long"]).read_all()
    kinds = {field.name: str(field.type) for field in kept.schema}
    assert (kinds["ts"], kinds["nanos"], kinds["local"]) == (
        "timestamp[us, tz=UTC]",
        "timestamp[us, tz=UTC]",
        "timestamp[us]",
    )
    assert shown(kept) == shown(rows)


def test_the_hash_of_awkward_values_is_that_of_the_table(store: LakeStore) -> None:
    put(store, day(5), awkward())
    vouched(store, day(5))
    assert put(store, day(5), awkward().take([2, 0, 1])).change is Change.UNCHANGED
    assert put(store, day(5), store.scan(READINGS)).change is Change.UNCHANGED


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ([timedelta(seconds=1)], "a duration to seconds"),
        (pa.array([2**70], pa.decimal256(50, 0)), "decimal256"),
    ],
)
def test_a_type_that_no_reader_knows_is_refused(
    store: LakeStore, values: Any, advice: str
) -> None:
    rows = pa.table({"ts": pa.array([day(5).start]), "odd": values})
    with pytest.raises(SchemaMismatchError, match=f"'odd'.*{advice}"):
        put(store, day(5), rows)
    assert store.columns(READINGS) == ()


def test_names_that_differ_in_case_alone_are_refused(store: LakeStore) -> None:
    rows = pa.table({"ts": pa.array([day(5).start]), "Value": [1], "value": [2]})
    with pytest.raises(SchemaMismatchError, match="'Value' and 'value'"):
        put(store, day(5), rows)
    assert store.columns(READINGS) == ()


def test_a_time_of_day_is_refused_where_there_is_no_type_for_it(delta: Place) -> None:
    rows = pa.table({"ts": pa.array([day(5).start]), "at": [time(12, 30)]})
    said = pytest.raises(SchemaMismatchError, match="'at' is a time of day")
    with open_store(delta.kind, delta.location) as store, said:
        put(store, day(5), rows)


def test_a_fraction_of_a_microsecond_is_not_cut_off_in_silence(store: LakeStore) -> None:
    nanos = pa.array([1], pa.int64()).cast(pa.timestamp("ns", "UTC"))
    rows = pa.table({"ts": pa.array([day(5).start]), "at": nanos})
    with pytest.raises(SchemaMismatchError, match="'at'"):
        put(store, day(5), rows)
