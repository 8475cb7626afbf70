"""Types of a lake: what a new column becomes, so that every reader finds the same values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.stores.arrow.types import is_binary, is_list, is_text

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_DIGITS = 38


@dataclass(frozen=True, slots=True)
class Types:
    """What one table format can hold beyond the types that all of them have."""

    name: str
    short_integers: bool = True
    time_of_day: bool = True

    def stored(self, schema: pa.Schema) -> pa.Schema:
        """
        Return the columns of a new table that holds every value of ``schema``.

        Times become microseconds, in UTC when they have a zone; integers without a sign become
        wider ones; dictionaries become their values.

        :raises SchemaMismatchError: for a type that the format does not have, such as a duration.
        """
        import pyarrow as pa

        _told_apart(schema.names)
        fields = [pa.field(field.name, self._stored(field.name, field.type)) for field in schema]
        return pa.schema(fields)

    def _stored(self, name: str, kind: Any) -> Any:
        for holds, becomes in (*_scalars(), *_nested(lambda inner: self._stored(name, inner))):
            if holds(kind):
                return self._fitting(name, becomes(kind))
        msg = (
            f"Column {name!r} is of Arrow type {kind}, which a {self.name} table cannot hold. "
            "Convert it in the step: a duration to seconds, anything else to text."
        )
        raise SchemaMismatchError(msg)

    def _fitting(self, name: str, kind: Any) -> Any:
        import pyarrow as pa

        if pa.types.is_time(kind) and not self.time_of_day:
            msg = (
                f"Column {name!r} is a time of day, for which a {self.name} table has no type. "
                "Store seconds since midnight, or text."
            )
            raise SchemaMismatchError(msg)
        if not self.short_integers and (pa.types.is_int8(kind) or pa.types.is_int16(kind)):
            return pa.int32()
        return kind


def _told_apart(names: list[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.lower(), name)
        if other != name:
            msg = (
                f"Columns {other!r} and {name!r} differ in case alone, which most of the engines "
                "that read a lake do not tell apart. Rename one of them in the step."
            )
            raise SchemaMismatchError(msg)


_Rule = tuple[Callable[[Any], bool], Callable[[Any], Any]]


def _scalars() -> list[_Rule]:
    import pyarrow as pa
    from pyarrow import types

    return [
        (types.is_null, lambda _: pa.string()),
        (lambda kind: types.is_boolean(kind) or types.is_signed_integer(kind), lambda kind: kind),
        (types.is_uint8, lambda _: pa.int16()),
        (types.is_uint16, lambda _: pa.int32()),
        (types.is_uint32, lambda _: pa.int64()),
        (types.is_uint64, lambda _: pa.decimal128(20, 0)),
        (lambda kind: types.is_float16(kind) or types.is_float32(kind), lambda _: pa.float32()),
        (types.is_float64, lambda kind: kind),
        (_is_decimal, lambda kind: pa.decimal128(_digits(kind), max(kind.scale, 0))),
        (is_text, lambda _: pa.string()),
        (is_binary, lambda _: pa.binary()),
        (types.is_date, lambda _: pa.date32()),
        (types.is_timestamp, lambda kind: pa.timestamp("us", "UTC" if kind.tz else None)),
        (types.is_time, lambda _: pa.time64("us")),
    ]


def _nested(stored: Callable[[Any], Any]) -> list[_Rule]:
    import pyarrow as pa
    from pyarrow import types

    return [
        (types.is_dictionary, lambda kind: stored(kind.value_type)),
        (is_list, lambda kind: pa.list_(stored(kind.value_type))),
        (types.is_map, lambda kind: pa.map_(stored(kind.key_type), stored(kind.item_type))),
        (
            types.is_struct,
            lambda kind: pa.struct([pa.field(part.name, stored(part.type)) for part in kind]),
        ),
    ]


def _digits(kind: Any) -> int:
    return int(kind.precision - min(kind.scale, 0))


def _is_decimal(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_decimal(kind)) and _digits(kind) <= _MOST_DIGITS
