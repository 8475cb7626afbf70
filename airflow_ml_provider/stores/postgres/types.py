"""PostgreSQL's types beside Arrow's: what a column becomes, and what comes back from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import DataError, SchemaMismatchError
from airflow_ml_provider.stores.arrow.types import is_binary, is_list, is_text
from airflow_ml_provider.stores.connection.statement import quoted

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES_OF_A_NAME = 63
_MOST_DIGITS, _MOST_DIGITS_OF_ALL = 38, 76
_UNBOUNDED = -1
_TYPMOD_OFFSET = 4


def column_type(field: pa.Field) -> str:
    """
    Return the type of a new column that holds every value of an Arrow field.

    :raises SchemaMismatchError: for types that have no counterpart, such as structs.
    """
    import pyarrow as pa

    kind = field.type
    if pa.types.is_dictionary(kind):
        return column_type(field.with_type(kind.value_type))
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision - min(kind.scale, 0)}, {max(kind.scale, 0)})"
    if is_list(kind) and _is_list_element(kind.value_type):
        return f"{column_type(kind.value_field)}[]"
    for holds, name in _plain_types():
        if holds(kind):
            return name
    msg = (
        f"Column {field.name!r} is of Arrow type {kind}, for which PostgreSQL has no column type. "
        "Split it into plain columns, or turn it into JSON text."
    )
    raise SchemaMismatchError(msg)


def _plain_types() -> list[tuple[Any, str]]:
    from pyarrow import types

    return [
        (types.is_null, "text"),
        (types.is_boolean, "boolean"),
        (lambda kind: types.is_int8(kind) or types.is_int16(kind), "smallint"),
        (types.is_uint8, "smallint"),
        (lambda kind: types.is_int32(kind) or types.is_uint16(kind), "integer"),
        (lambda kind: types.is_int64(kind) or types.is_uint32(kind), "bigint"),
        (types.is_uint64, "numeric(20, 0)"),
        (lambda kind: types.is_float16(kind) or types.is_float32(kind), "real"),
        (types.is_float64, "double precision"),
        (is_text, "text"),
        (is_binary, "bytea"),
        (types.is_date, "date"),
        (types.is_time, "time"),
        (types.is_interval, "interval"),
    ]


def _is_list_element(kind: pa.DataType) -> bool:
    # The driver copies no arrays of numeric; of arrays in arrays PostgreSQL forgets the depth.
    from pyarrow import types

    return not (types.is_nested(kind) or types.is_decimal(kind) or types.is_uint64(kind))


def is_direct(given: pa.Field, column: pa.Field) -> bool:
    """
    Whether values of ``given`` may be copied into ``column`` in binary form.

    Anything else must be converted first: the server takes eight bytes of an integer for a double
    without a word.
    """
    from pyarrow import types

    if given.type.equals(column.type):
        return True
    if is_numeric(column):
        return bool(types.is_decimal(given.type) or types.is_integer(given.type))
    return is_text(given.type) and is_text(column.type)


def accepted(given: pa.Field, column: pa.Field) -> pa.Field:
    """Return the type in which a field is handed to a column: the column's, where Arrow can."""
    import pyarrow as pa

    given = given.with_type(_basic(given.type))
    if is_numeric(column):
        return given.with_type(_as_number(given.type, _number(column)))
    if is_direct(given, column) or isinstance(column.type, pa.BaseExtensionType):
        return pa.field(given.name, given.type)
    try:
        pa.nulls(0, given.type).cast(column.type)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.field(given.name, given.type)
    return pa.field(given.name, column.type)


def _basic(kind: pa.DataType) -> pa.DataType:
    """Return the type without what the driver does not know: dictionaries and short decimals."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _basic(kind.value_type)
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return kind


def _as_number(kind: pa.DataType, declared: pa.DataType) -> pa.DataType:
    """Return the type for a numeric column: the server would round to its scale in silence."""
    from pyarrow import types

    rounded = types.is_decimal(kind) or types.is_floating(kind)
    return declared if rounded and types.is_decimal(declared) else kind


def conversion(given: pa.Field, column: pa.Field, kind: str) -> str:
    """Return the expression that turns a copied value into the SQL type of its column."""
    from pyarrow import types

    value = quoted(given.name)
    if is_numeric(column) and types.is_floating(given.type):
        # By way of its text: the server's own cast from double keeps 15 digits.
        value = f"CAST({value} AS text)"
    return f"CAST({value} AS {kind})"


def is_numeric(field: pa.Field) -> bool:
    """Whether the driver calls a field numeric; it hands its values over as text."""
    import pyarrow as pa

    return isinstance(field.type, pa.OpaqueType) and field.type.type_name == "numeric"


def readable(field: pa.Field) -> pa.Field:
    """
    Return a field as readers of Python get it.

    Numeric comes as decimal when its precision is declared, else as double (an average, say).
    """
    import pyarrow as pa

    if is_numeric(field):
        return pa.field(field.name, _number(field))
    if isinstance(field.type, pa.OpaqueType):
        return pa.field(field.name, field.type.storage_type)
    if pa.types.is_list(field.type):
        return pa.field(field.name, pa.list_(readable(field.type.value_field).type))
    return pa.field(field.name, field.type)


def _number(field: pa.Field) -> pa.DataType:
    import pyarrow as pa

    typmod = int((field.metadata or {}).get(b"POSTGRESQL:typmod", _UNBOUNDED))
    precision, scale = divmod(typmod - _TYPMOD_OFFSET, 2**16)
    if typmod < 0 or precision > _MOST_DIGITS_OF_ALL or scale > precision:
        return pa.float64()
    sort = pa.decimal128 if precision <= _MOST_DIGITS else pa.decimal256
    return sort(precision, scale)


def read(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """
    Return a batch of the driver as ``schema``, which is made of readable fields.

    :raises DataError: for a value that the type cannot hold, as NaN in a decimal.
    """
    import pyarrow as pa

    try:
        columns = [
            _storage(column).cast(field.type)
            for column, field in zip(batch.columns, schema, strict=True)
        ]
    except pa.ArrowInvalid as error:
        msg = f"A value of PostgreSQL cannot be read: {error}"
        raise DataError(msg) from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _storage(column: Any) -> Any:
    import pyarrow as pa

    if isinstance(column.type, pa.OpaqueType):
        return column.storage
    if pa.types.is_list(column.type) and isinstance(column.type.value_type, pa.OpaqueType):
        values = column.values.storage
        return pa.ListArray.from_arrays(column.offsets, values, mask=column.is_null())
    return column
