"""SQLite's declared types beside Arrow's: which type of Arrow the values of a column stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import SchemaMismatchError

if TYPE_CHECKING:
    import pyarrow as pa

# SQLite keeps integers, doubles, text and bytes. The spelling of a declared type gives the column
# an affinity, which must not turn one kind into another: "INT" in a name means integers, "REAL",
# "FLOA" or "DOUB" doubles; text that is no number stays as it is in all others.
_DECIMAL = re.compile(r"REAL DECIMAL\((\d+), (\d+)\)")
_LIST = "[]"
_MOST_DIGITS = 38
# Names that others have used: pandas, SQLAlchemy, people.
_FOREIGN = {
    "BOOL": "BOOLEAN",
    "BIGINT": "INT8",
    "INTEGER": "INT8",
    "FLOAT": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
}
_TEXTUAL = ("CHAR", "CLOB", "TEXT")


def _plain_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "BOOLEAN": pa.bool_(),
        "INT1": pa.int8(),
        "INT2": pa.int16(),
        "INT4": pa.int32(),
        "INT8": pa.int64(),
        "UINT1": pa.uint8(),
        "UINT2": pa.uint16(),
        "UINT4": pa.uint32(),
        "UINT8": pa.uint64(),
        "FLOAT4": pa.float32(),
        "DOUBLE": pa.float64(),
        "TEXT": pa.string(),
        "BINARY BLOB": pa.binary(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
        "INTERVAL": pa.duration("us"),
    }


def declared(field: pa.Field) -> str:
    """
    Return the declared type of a new column that holds every value of an Arrow field.

    :raises SchemaMismatchError: for types that have no counterpart, such as structs.
    """
    import pyarrow as pa

    kind = _simplified(field.type)
    if pa.types.is_decimal128(kind) and kind.scale >= 0:
        return f"REAL DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_list(kind) and not _is_opaque(kind.value_type):
        return declared(pa.field(field.name, kind.value_type)) + _LIST
    for name, plain in _plain_types().items():
        if kind.equals(plain):
            return name
    msg = (
        f"Column {field.name!r} is of Arrow type {field.type}, for which SQLite has no column "
        "type. Split it into plain columns, or turn it into JSON text."
    )
    raise SchemaMismatchError(msg)


def meant(declaration: str) -> pa.DataType | None:
    """Return the Arrow type that a declared type stands for; None where only values can tell."""
    import pyarrow as pa

    if declaration.endswith(_LIST):
        inner = meant(declaration.removesuffix(_LIST))
        return None if inner is None else pa.list_(inner)
    if places := decimal_places(declaration):
        return pa.decimal128(*places)
    name = declaration.upper()
    plain = _plain_types().get(_FOREIGN.get(name, name))
    if plain is None and "INT" not in name and any(word in name for word in _TEXTUAL):
        return pa.string()
    return plain


def decimal_places(declaration: str) -> tuple[int, int] | None:
    """Return the precision and scale of a declared decimal."""
    found = _DECIMAL.fullmatch(declaration)
    return (int(found[1]), int(found[2])) if found else None


def _simplified(kind: pa.DataType) -> pa.DataType:
    """Return the type that stands for all types of the same values."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _simplified(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if types.is_decimal(kind) and kind.precision <= _MOST_DIGITS:
        return pa.decimal128(kind.precision, kind.scale)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(_simplified(kind.value_type))
    for holds, simple in (
        (types.is_null, pa.string()),
        (types.is_large_string, pa.string()),
        (types.is_string_view, pa.string()),
        (types.is_large_binary, pa.binary()),
        (types.is_fixed_size_binary, pa.binary()),
        (types.is_binary_view, pa.binary()),
        (types.is_float16, pa.float32()),
        (types.is_date, pa.date32()),
        (types.is_time, pa.time64("us")),
        (types.is_duration, pa.duration("us")),
    ):
        if holds(kind):
            return simple
    return kind


def _is_opaque(kind: pa.DataType) -> bool:
    """Whether JSON has no value for a type."""
    from pyarrow import types

    if types.is_list(kind):
        return _is_opaque(kind.value_type)
    plain = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    return not (plain or types.is_string(kind))
