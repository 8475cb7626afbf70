"""MySQL's types beside Arrow's: what a column becomes, and what its values stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import SchemaMismatchError
from airflow_ml_provider.stores.arrow.types import is_binary, is_list, is_text

if TYPE_CHECKING:
    import pyarrow as pa

# Where a type of MySQL stands for several of Arrow, the comment of the column says which.
_COMMENT = "ml: "
_NAIVE = "timestamp"
_FLOAT = "float32"
_LIST = "[]"
_MOST_DIGITS, _MOST_DIGITS_OF_ALL = 38, 65
_TEXTUAL = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json")
_BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit")


@dataclass(frozen=True, slots=True)
class Declared:
    """The type of a column as it is written into a table, and what it is marked with."""

    type: str
    mark: str = ""

    @property
    def comment(self) -> str:
        """The comment that carries the mark."""
        return f"{_COMMENT}{self.mark}" if self.mark else ""

    @property
    def name(self) -> str:
        """The type with its mark, as the port calls it."""
        return f"{self.type} ({self.mark})" if self.mark else self.type


def named(name: str) -> Declared:
    """Return the type that the port calls so."""
    kind, found, mark = name.rpartition(" (")
    return Declared(kind, mark.removesuffix(")")) if found else Declared(name)


def marked(kind: str, comment: str) -> Declared:
    """Return the type of a column that is there."""
    return Declared(kind, comment.removeprefix(_COMMENT) if comment.startswith(_COMMENT) else "")


def is_textual(kind: str) -> bool:
    """Whether a type of MySQL holds text or bytes, whose length the type does not tell."""
    return _word(kind) in {*_TEXTUAL, *_BYTES}


def declared(field: pa.Field) -> Declared:
    """
    Return the type of a new column that holds every value of an Arrow field.

    :raises SchemaMismatchError: for types that have no counterpart, such as structs.
    """
    import pyarrow as pa

    kind = field.type
    if pa.types.is_dictionary(kind):
        return declared(field.with_type(kind.value_type))
    if pa.types.is_decimal(kind) and kind.precision - min(kind.scale, 0) <= _MOST_DIGITS_OF_ALL:
        return Declared(f"decimal({kind.precision - min(kind.scale, 0)},{max(kind.scale, 0)})")
    if is_list(kind) and (element := _element(kind)):
        return Declared("longtext", element)
    if pa.types.is_timestamp(kind):
        return Declared("datetime(6)", "" if kind.tz else _NAIVE)
    for holds, found in _plain_types():
        if holds(kind):
            return found
    msg = (
        f"Column {field.name!r} is of Arrow type {kind}, for which MySQL has no column type. "
        "Split it into plain columns, or turn it into JSON text."
    )
    raise SchemaMismatchError(msg)


def _plain_types() -> list[tuple[Any, Declared]]:
    from pyarrow import types

    return [
        (types.is_null, Declared("longtext")),
        (types.is_boolean, Declared("tinyint(1)")),
        (types.is_int8, Declared("tinyint")),
        (types.is_int16, Declared("smallint")),
        (types.is_int32, Declared("int")),
        (types.is_int64, Declared("bigint")),
        (types.is_uint8, Declared("tinyint unsigned")),
        (types.is_uint16, Declared("smallint unsigned")),
        (types.is_uint32, Declared("int unsigned")),
        (types.is_uint64, Declared("bigint unsigned")),
        # A FLOAT is shown with six digits wherever it is read.
        (
            lambda kind: types.is_float16(kind) or types.is_float32(kind),
            Declared("double", _FLOAT),
        ),
        (types.is_float64, Declared("double")),
        (is_text, Declared("longtext")),
        (is_binary, Declared("longblob")),
        (types.is_date, Declared("date")),
        (types.is_time, Declared("time(6)")),
    ]


def _element(kind: pa.DataType) -> str | None:
    """Return the mark of a list whose elements JSON can say."""
    value = kind.value_type
    if is_list(value):
        inner = _element(value)
        return inner and inner + _LIST
    if is_text(value):
        return "string" + _LIST
    names = {str(plain): name for name, plain in _elements().items()}
    return names[str(value)] + _LIST if str(value) in names else None


def _elements() -> dict[str, pa.DataType]:
    import pyarrow as pa

    integers = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
    return {
        "bool": pa.bool_(),
        "string": pa.string(),
        "float32": pa.float32(),
        "float64": pa.float64(),
        **{name: getattr(pa, name)() for name in sorted(integers)},
    }


def derived(kind: Declared) -> Declared:
    """
    Return the type of a new column for the answers of a SELECT.

    Text has no limit of length, and moments are no TIMESTAMP, which ends in 2038.
    """
    word = _word(kind.type)
    if kind.mark:
        return kind
    if word in _TEXTUAL:
        return Declared("longtext")
    if word in _BYTES:
        return Declared("longblob" if kind.type != "binary(0)" else "longtext")
    if word == "float":
        return Declared("double", _FLOAT)
    return Declared("datetime(6)") if word in {"timestamp", "datetime"} else kind


def meant(kind: Declared) -> pa.DataType:
    """Return the Arrow type that the values of a column stand for."""
    import pyarrow as pa

    if kind.mark.endswith(_LIST):
        return _meant_list(kind.mark)
    word, places = _word(kind.type), _places(kind.type)
    match word:
        case "decimal":
            found = decimal(*places)
        case "datetime" | "timestamp":
            found = pa.timestamp(_unit(*places), None if kind.mark == _NAIVE else "UTC")
        case "double":
            found = pa.float32() if kind.mark == _FLOAT else pa.float64()
        case _ if word in _BITS:
            found = pa.bool_() if kind.type == "tinyint(1)" else _integer(kind.type)
        case _:
            others = {"float": pa.float32(), "date": pa.date32(), "time": pa.time64("us")}
            found = others.get(word) or (pa.binary() if word in _BYTES else pa.string())
    return found


def _unit(places: int = 0) -> str:
    """Return the finest unit that so many places of a second keep."""
    return {3: "ms", 4: "ms", 5: "ms", 6: "us"}.get(places, "s")


def _integer(kind: str) -> pa.DataType:
    import pyarrow as pa

    sign = "u" if kind.endswith(("unsigned", "zerofill")) else ""
    found: pa.DataType = getattr(pa, f"{sign}int{_BITS[_word(kind)]}")()
    return found


_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 32, "int": 32, "bigint": 64, "year": 16}


def _meant_list(mark: str) -> pa.DataType:
    import pyarrow as pa

    inner = mark.removesuffix(_LIST)
    return pa.list_(_meant_list(inner) if inner.endswith(_LIST) else _elements()[inner])


def decimal(precision: int, scale: int) -> pa.DataType:
    """Return the decimal type of so many digits."""
    import pyarrow as pa

    sort = pa.decimal128 if precision <= _MOST_DIGITS else pa.decimal256
    return sort(precision, scale)


def _word(kind: str) -> str:
    found = re.match(r"\w+", kind)
    return found[0] if found else ""


def _places(kind: str) -> tuple[int, ...]:
    found = re.search(r"\(([\d,]+)\)", kind)
    return tuple(map(int, found[1].split(","))) if found else ()
