"""Columns of an Iceberg table: numbered fields, as Arrow has them and as the format has them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.stores.arrow.types import is_binary, is_list, is_text
from airflow_ml_provider.stores.lake.files import NUMBER
from airflow_ml_provider.stores.lake.types import Types

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.table.update.schema import UpdateSchema

_TYPES = Types("Iceberg", short_integers=False)


def stored(schema: pa.Schema) -> pa.Schema:
    """
    Return the columns of a new table for such rows, each under the number that it will have.

    :raises SchemaMismatchError: for a type or a name that the format does not have.
    """
    import pyarrow as pa
    from pyiceberg.schema import assign_fresh_schema_ids

    numbers = count(1)
    fields = [
        _changed(field, lambda each: each.with_metadata({NUMBER: str(next(numbers))}))
        for field in _TYPES.stored(schema)
    ]
    try:
        return as_arrow(assign_fresh_schema_ids(as_iceberg(pa.schema(fields))))
    except ValueError as error:
        msg = f"An Iceberg table cannot have these columns: {error}. Rename them in the step."
        raise SchemaMismatchError(msg) from error


def widened(table: Table, new: pa.Schema) -> pa.Schema:
    """
    Return the columns of a table together with new ones, under the numbers that they will have.

    :raises SchemaMismatchError: for a type or a name that the format does not have.
    """
    update = table.update_schema()
    gained(update, stored(new))
    return as_arrow(update._apply())  # noqa: SLF001  the library tells it in no other way


def gained(update: UpdateSchema, new: pa.Schema) -> None:
    """Let a change of a table's columns add new ones."""
    for field in as_iceberg(new).fields:
        update.add_column(field.name, field.field_type)


def as_iceberg(schema: pa.Schema) -> Schema:
    """Return numbered columns in the words of the format."""
    from pyiceberg.io.pyarrow import pyarrow_to_schema

    return pyarrow_to_schema(schema)


def as_arrow(schema: Schema) -> pa.Schema:
    """Return the columns in the types that rows come in; a Parquet file keeps their numbers."""
    import pyarrow as pa
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    return pa.schema([_changed(field, _plain) for field in schema_to_pyarrow(schema)])


def _plain(field: pa.Field) -> pa.Field:
    """Return a field whose text and bytes are the usual ones: the library makes them large."""
    import pyarrow as pa

    if is_text(field.type):
        return field.with_type(pa.string())
    if is_binary(field.type) and not pa.types.is_fixed_size_binary(field.type):
        return field.with_type(pa.binary())
    return field


def _changed(field: pa.Field, change: Callable[[pa.Field], pa.Field]) -> pa.Field:
    """Return a field changed, and all fields inside it."""
    import pyarrow as pa

    kind = field.type
    if is_list(kind):
        kind = pa.list_(_changed(kind.value_field, change))
    elif pa.types.is_map(kind):
        kind = pa.map_(_changed(kind.key_field, change), _changed(kind.item_field, change))
    elif pa.types.is_struct(kind):
        kind = pa.struct([_changed(part, change) for part in kind])
    return change(field.with_type(kind))


def value_of(raw: object, kind: Any) -> Any:
    """
    Return a value that the format keeps as a number (days, microseconds) as Arrow's type has it.

    None when Python has no such value, as for a year after 9999.
    """
    import pyarrow as pa

    if not isinstance(raw, int) or isinstance(raw, bool) or not pa.types.is_temporal(kind):
        return raw
    try:
        width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        return pa.array([raw], width).view(kind)[0].as_py()
    except (OverflowError, ValueError):
        return None


def steady(schemas: list[Schema]) -> bool:
    """
    Whether columns may be looked up by their names in files of any age.

    Not when one was renamed, or dropped and made again, or changed within.
    """
    known: dict[str, int] = {}
    named: dict[int, str] = {}
    nested: dict[int, str] = {}
    for schema in schemas:
        for number in schema.field_ids:
            name = str(schema.find_column_name(number))
            if known.setdefault(name, number) != number or named.setdefault(number, name) != name:
                return False
        for field in schema.fields:
            if field.initial_default is not None:
                return False
            inside = "" if field.field_type.is_primitive else str(field.field_type)
            if nested.setdefault(field.field_id, inside) != inside:
                return False
    return True
