"""A feature view: what a feature pipeline materializes, one partition at a time."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.spec.checks import Checks
from airflow_ml_provider.spec.reading import refuse
from airflow_ml_provider.spec.scalar import (
    Column,
    Every,
    Function,
    Plain,
    Policy,
    Reference,
    SqlFile,
    Table,
)
from airflow_ml_provider.spec.section import Section


class Feature(Section):
    """Features of one entity, computed from sources by one SELECT or one Python function."""

    every: Every = Field(description="How much time one partition covers.")
    entity: Annotated[tuple[Column, ...], Field(min_length=1)] = Field(
        description="The join key: the columns that say what a row is about.",
        examples=[["origin", "dest"]],
    )
    time: Column = Field(
        default="event_time", description="The event time of the rows that come out."
    )
    reads: tuple[Reference, ...] = Field(
        alias="from", description="The sources that are read.", examples=[["flights", "weather"]]
    )
    sql: SqlFile | None = Field(
        default=None,
        description=(
            "A file beside this one with a SELECT that reads :window_start, :window_end and the "
            "params by name. The store runs it: no row passes through the worker."
        ),
    )
    python: Function | None = Field(
        default=None,
        description="A function that takes the window and a table a source. Or 'sql'.",
    )
    table: Table | None = Field(
        default=None, description="Where the features rest. Default: '<system>.<name>'."
    )
    params: Plain = Field(
        default={}, description="Values that the SELECT or the function reads by name."
    )
    checks: Checks = Field(default=Checks(), description="What every partition must look like.")
    schema_policy: Policy = Field(
        alias="schema",
        default=SchemaPolicy.FAIL,
        description=(
            "What becomes of rows whose columns are not those of the table: they are refused "
            "(fail), the table gains those that it lacks, empty in older partitions "
            "(add_columns), or it is set aside as 'table__v1' and begins anew (new_version)."
        ),
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.sql is None) == (self.python is None):
            said = "has both 'sql' and 'python'" if self.sql else "has neither 'sql' nor 'python'"
            refuse(said, "Write one: 'sql: file.sql' or 'python: package.module:function'.")
        return self
