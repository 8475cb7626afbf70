"""Checks: what a partition must look like before anyone may see it."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    StrictInt,
    model_validator,
)

from airflow_ml_provider.spec.document import shown
from airflow_ml_provider.spec.reading import refuse
from airflow_ml_provider.spec.scalar import Column, Count
from airflow_ml_provider.spec.section import Section

Bound = StrictInt | FiniteFloat | None


class RowBounds(Section):
    """How many rows a partition must have."""

    min: Count | None = Field(default=None, description="At least this many rows.", examples=[50])
    max: Count | None = Field(
        default=None, description="At most this many rows.", examples=[1_000_000]
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse(f"has min {self.min:,} above max {self.max:,}", "Swap them.")
        return self


def _groups(value: object) -> object:
    # One group may be written without its inner brackets: [origin, dest] is [[origin, dest]].
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [value]
    return value


_TOO_LARGE = 2**63  # not every store has whole numbers beyond


def _bounds(value: object) -> object:
    hint = "Write [low, high]; null leaves a side open: [0, null]."
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004
        refuse(f"must be two bounds, got {shown(value)}", hint)
    for bound in value:
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
            refuse(f"must hold numbers, got {shown(bound)}", hint)
        if isinstance(bound, float) and not math.isfinite(bound):
            refuse(f"must hold finite numbers, got {bound}", hint)
        if isinstance(bound, int) and not -_TOO_LARGE <= bound < _TOO_LARGE:
            far = "Write a number so far away as 1e30, or leave that side open with null."
            refuse(f"must hold whole numbers of 64 bits, got {shown(bound)}", far)
    low, high = value
    if low is None and high is None:
        refuse("bounds nothing: both sides are open", hint)
    if low is not None and high is not None and low > high:
        refuse(f"has its low bound {low} above its high bound {high}", hint)
    return value


def _accepted(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        refuse(f"must be a value, got {shown(value)}", "List plain values: [AA, UA, 42].")
    return str(value)


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            refuse(f"has {shown(value)} twice", "Keep one of them.")
    return values


ColumnGroup = Annotated[tuple[Column, ...], Field(min_length=1)]
_Groups = tuple[Column, ...] | tuple[ColumnGroup, ...]
Accepted = Annotated[str, BeforeValidator(_accepted)]


class Checks(Section):
    """Run before the commit: when one fails nothing is written, and readers keep what they had."""

    rows: RowBounds = Field(default=RowBounds(), description="The number of rows of a partition.")
    not_null: tuple[Column, ...] = Field(default=(), description="Columns that must have a value.")
    unique: Annotated[
        tuple[ColumnGroup, ...], BeforeValidator(_groups, json_schema_input_type=_Groups)
    ] = Field(
        default=(),
        description="Columns that together name a row once; or a list of such lists.",
        examples=[["origin", "dest"], [["id"], ["origin", "dest"]]],
    )
    between: dict[Column, Annotated[tuple[Bound, Bound], BeforeValidator(_bounds)]] = Field(
        default={},
        description="Inclusive bounds of a column; null leaves a side open. NULL rows pass.",
        examples=[{"delay": [-120, 3000], "distance": [0, None]}],
    )
    accepted: dict[
        Column, Annotated[tuple[Accepted, ...], Field(min_length=1), AfterValidator(_each_once)]
    ] = Field(
        default={},
        description="The values that a column may have. NULL rows pass.",
        examples=[{"carrier": ["AA", "UA"]}],
    )
