"""Rows that have outgrown a table: their columns are others, or hold another kind of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.schema import difference
from airflow_ml_provider.stores.arrow.types import is_binary, is_list, is_text

if TYPE_CHECKING:
    import pyarrow as pa

_ANY = "anything"


def outgrown(given: pa.Schema, kept: pa.Schema) -> str:
    """
    Return how rows of the schema ``given`` differ from a table that is ``kept``; "" when they fit.

    Numbers are of one kind: whether a column keeps each of them is seen when they come. So a
    column of integers in which a value is missing, which pandas makes doubles of, is no change.
    """
    found = difference(kept.names, given.names)
    if not found.none:
        return str(found)
    pairs = ((field.name, kind(field.type), kind(kept.field(field.name).type)) for field in given)
    return "; ".join(
        f"column {name!r} holds {new} and no longer {old}"
        for name, new, old in pairs
        if new != old and _ANY not in {new, old}
    )


def kind(of: Any) -> str:
    """Return what the values of an Arrow type are; a column without any may become anything."""
    from pyarrow import types

    if types.is_dictionary(of):
        return kind(of.value_type)
    if is_list(of):
        return f"lists of {kind(of.value_type)}"
    kinds = {
        _ANY: types.is_null,
        "numbers": lambda one: (
            types.is_integer(one) or types.is_floating(one) or types.is_decimal(one)
        ),
        "text": is_text,
        "bytes": is_binary,
        "booleans": types.is_boolean,
        "dates": types.is_date,
        "moments": types.is_timestamp,
        "times of day": types.is_time,
        "spans of time": types.is_duration,
    }
    return next((name for name, holds in kinds.items() if holds(of)), str(of))
