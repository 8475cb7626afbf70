"""Scalars: the types of the small values, as the models use them and the JSON Schema shows them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from keyword import iskeyword
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema

from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.window import Granularity
from airflow_ml_provider.spec.document import shown
from airflow_ml_provider.spec.lookup import looked_up
from airflow_ml_provider.spec.reading import (
    matching,
    plain,
    read_duration,
    read_moment,
    read_new_rows,
    read_percent,
    read_span,
    read_zone,
    refuse,
    write_duration,
)

_NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_IDENTIFIER = r"[^\s.\x00-\x1f\x7f\"'`;](?:[^.\x00-\x1f\x7f\"'`;]*[^\s.\x00-\x1f\x7f\"'`;])?"


def _text_schema(*examples: str, pattern: str | None = None) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "examples": list(examples)}
    return WithJsonSchema(schema | ({"pattern": f"^{pattern}$"} if pattern else {}))


# Tables are named after pipelines, and PostgreSQL cuts names after 63 bytes.
MAX_NAME = 50

Name = Annotated[
    str,
    BeforeValidator(
        matching(
            _NAME,
            "a lower-case name with single underscores",
            "Write it like route_delays: a letter first, then letters, digits and '_'.",
            longest=MAX_NAME,
        )
    ),
    _text_schema("flights", "route_delays", pattern=_NAME),
]
Reference = Annotated[
    str,
    BeforeValidator(matching(r"[^\s@]+", "a name", "Write the name of an entry of this file.")),
    _text_schema("route_delays"),
]
ModelReference = Annotated[
    str,
    BeforeValidator(
        matching(
            r"[^\s@]+(@[^\s@]*)?", "a model and an alias", "Write it like arrival_delay@champion."
        )
    ),
    _text_schema("arrival_delay@champion", "arrival_delay@previous"),
]
Column = Annotated[
    str,
    BeforeValidator(
        matching(r"[^\x00-\x1f\x7f\"]{1,63}", "the name of a column", "Write it like event_time.")
    ),
    _text_schema("event_time", "origin"),
]
Table = Annotated[
    str,
    BeforeValidator(
        looked_up(
            matching(
                rf"(?!\(|(?i:select|with)\s){_IDENTIFIER}(\.{_IDENTIFIER})?",
                "the name of a table",
                "Write 'table' or 'schema.table', without quotes; make a view of a query.",
            )
        )
    ),
    _text_schema("raw.flights", "events"),
]
_read_function = matching(
    rf"{_WORD}(\.{_WORD})*:{_WORD}",
    "a function",
    "Write package.module:function, with one colon, such as flights_ml.training:fit.",
)


def _function(value: object) -> str:
    name = _read_function(value)
    if reserved := next((word for word in re.split("[.:]", name) if iskeyword(word)), None):
        refuse(
            f"cannot be imported: {shown(name)}", f"{reserved!r} is a word of Python. Rename it."
        )
    return name


Function = Annotated[
    str,
    BeforeValidator(_function),
    _text_schema("flights_ml.training:fit", pattern=rf"{_WORD}(\.{_WORD})*:{_WORD}"),
]
SqlFile = Annotated[
    str,
    BeforeValidator(
        matching(
            r"(?!.*\$\{)[^\x00-\x1f\x7f]{1,255}",
            "the path of a SQL file",
            "Put the SELECT into a file beside this one, and write its name: route_delays.sql.",
        )
    ),
    _text_schema("route_delays.sql"),
]
Connection = Annotated[
    str,
    BeforeValidator(
        looked_up(
            matching(
                r"[\w.\-]{1,200}", "the id of an Airflow connection", "Write it like warehouse."
            ),
            kinds=("env", "var", "conn"),
        )
    ),
    _text_schema("warehouse", "slack_ml"),
]
Label = Annotated[
    str,
    BeforeValidator(
        looked_up(
            matching(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,99}", "a short text", "Write a name.")
        )
    ),
    _text_schema("ml-platform"),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    _text_schema("30s", "15m", "6h", "7d", "2w", pattern=r"\d+ ?[smhdw]"),
]
Span = Annotated[
    timedelta,
    BeforeValidator(read_span),
    PlainSerializer(write_duration, return_type=str),
    _text_schema("6h", "7d", "2w", pattern=r"\d+ ?[smhdw]"),
]
Moment = Annotated[
    date | datetime,
    BeforeValidator(read_moment),
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str),
    _text_schema("2013-01-31", "2013-01-31T06:00"),
]
Every = Annotated[Granularity, WithJsonSchema({"enum": [str(each) for each in Granularity]})]
Policy = Annotated[SchemaPolicy, WithJsonSchema({"enum": [str(each) for each in SchemaPolicy]})]
Zone = Annotated[
    str,
    BeforeValidator(looked_up(read_zone, stand_in="UTC")),
    _text_schema("UTC", "America/New_York"),
]
Percent = Annotated[
    str, BeforeValidator(read_percent), _text_schema("1%", "20%", pattern=r"\d+(\.\d+)?%")
]
NewRows = Annotated[
    str | int,
    BeforeValidator(read_new_rows),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": r"^\d+(\.\d+)?%$"}, {"type": "integer"}],
            "examples": ["20%", 5000],
        }
    ),
]
Count = Annotated[StrictInt, Field(ge=0, le=2**53)]
Plain = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: plain(value) if isinstance(value, dict) else value),
]
