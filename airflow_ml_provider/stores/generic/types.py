"""Column types beside Arrow's: how values are declared, and what a declared type means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.stores.arrow.types import is_binary, is_text

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_DIGITS = 38
_DIGITS_OF_UINT64 = 20
_ARGUMENTS = re.compile(r"\s*\([^)]*\)")
_DECIMAL = re.compile(
    r"(?:DECIMAL|NUMERIC|NUMBER)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", re.IGNORECASE
)
_DECIMALS = {"DECIMAL", "NUMERIC", "NUMBER"}
# As engines and their catalogs spell them, without lengths.
_SPELLED = {
    "flag": {"BOOLEAN", "BOOL", "BIT"},
    "int16": {"SMALLINT", "INT2", "TINYINT"},
    "int32": {"INTEGER", "INT", "INT4"},
    "whole": {"BIGINT", "INT8"},
    "single": {"REAL", "FLOAT4"},
    "double": {"DOUBLE PRECISION", "DOUBLE", "FLOAT", "FLOAT8"},
    "text": {
        *("TEXT", "STRING", "CLOB", "CHAR", "CHARACTER", "NCHAR", "BPCHAR"),
        *("VARCHAR", "CHARACTER VARYING", "NVARCHAR"),
    },
    "bytes": {"BYTEA", "BLOB", "VARBINARY", "BINARY", "VARBYTE", "BINARY VARYING"},
    "day": {"DATE"},
    "time": {"TIME", "TIME WITHOUT TIME ZONE"},
    "moment": {
        *("TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP_NTZ"),
        *("DATETIME", "DATETIME2"),
    },
    "instant": {
        *("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMP_TZ", "TIMESTAMP_LTZ"),
        "DATETIMEOFFSET",
    },
}
_WORDS = {name: word for word, names in _SPELLED.items() for name in names}


def declared(field: pa.Field, types: Mapping[str, str]) -> str:
    """
    Return the column type of an engine that holds every value of an Arrow field.

    :raises SchemaMismatchError: where it has none, and for lists and structs.
    """
    from pyarrow import types as arrow

    kind = kept_as(field.type)
    if arrow.is_decimal(kind) and "decimal" in types:
        return types["decimal"].format(precision=kind.precision, scale=kind.scale)
    for word, plain in _plain().items():
        if kind == plain and word in types:
            return types[word]
    if kind == _plain()["single"] and "double" in types:
        return types["double"]
    msg = (
        f"Column {field.name!r} is of Arrow type {field.type}, for which this engine has no column "
        "type that keeps it. Nothing was written. Split it into plain columns, or turn it into "
        "JSON text."
    )
    raise SchemaMismatchError(msg)


def meant(declaration: str) -> pa.DataType | None:
    """Return the Arrow type that a declared type means; None where only values can tell."""
    import pyarrow as pa

    if found := _DECIMAL.fullmatch(declaration.strip()):
        precision = int(found[1])
        return pa.decimal128(precision, int(found[2] or 0)) if precision <= _MOST_DIGITS else None
    name = " ".join(_ARGUMENTS.sub("", declaration).upper().split())
    return _plain().get(_WORDS.get(name, ""))


def spelled(kind: str, precision: object, scale: object) -> str:
    """Return a type of a catalog with the digits that stand beside it."""
    if kind.upper() in _DECIMALS and precision is not None:
        return f"{kind}({precision}, {scale or 0})"
    return kind


def _plain() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "flag": pa.bool_(),
        "int16": pa.int16(),
        "int32": pa.int32(),
        "whole": pa.int64(),
        "single": pa.float32(),
        "double": pa.float64(),
        "text": pa.string(),
        "bytes": pa.binary(),
        "day": pa.date32(),
        "time": pa.time64("us"),
        "moment": pa.timestamp("us"),
        "instant": pa.timestamp("us", "UTC"),
    }


def kept_as(kind: pa.DataType) -> pa.DataType:
    """Return the type in which values of another one are kept, each the same."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return kept_as(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if types.is_decimal(kind) and kind.scale >= 0 and kind.precision <= _MOST_DIGITS:
        return pa.decimal128(kind.precision, kind.scale)
    for holds, simple in (
        (types.is_null, pa.string()),
        (is_text, pa.string()),
        (is_binary, pa.binary()),
        (types.is_int8, pa.int16()),
        (types.is_uint8, pa.int16()),
        (types.is_uint16, pa.int32()),
        (types.is_uint32, pa.int64()),
        (types.is_uint64, pa.decimal128(_DIGITS_OF_UINT64, 0)),
        (types.is_float16, pa.float32()),
        (types.is_date, pa.date32()),
        (types.is_time, pa.time64("us")),
    ):
        if holds(kind):
            return simple
    return kind
