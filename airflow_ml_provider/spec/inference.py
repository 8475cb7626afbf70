"""An inference: predictions for each partition of features, by one version of a model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.spec.checks import Checks
from airflow_ml_provider.spec.scalar import (
    Every,
    Function,
    ModelReference,
    Plain,
    Policy,
    Reference,
    Table,
)
from airflow_ml_provider.spec.section import Section


class Inference(Section):
    """Batch predictions, pinned to one model version a run."""

    features: Annotated[tuple[Reference, ...], Field(min_length=1)] = Field(
        description="The feature views that are scored; rows come from the first.",
        examples=[["route_delays"]],
    )
    model: ModelReference = Field(
        description="The model and its alias, champion (the default) or previous."
    )
    predict: Function = Field(
        description="A function that takes (model, batch, params) and returns the predictions."
    )
    every: Every | None = Field(
        default=None,
        description="How much time one partition covers. Default: as its coarsest features.",
    )
    table: Table | None = Field(
        default=None, description="Where the predictions rest. Default: '<system>.<name>'."
    )
    params: Plain = Field(default={}, description="What the predict function is given as params.")
    chunk_rows: Annotated[StrictInt, Field(ge=1, le=2**53)] = Field(
        default=100_000, description="How many rows one call of the function scores."
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

    @property
    def model_name(self) -> str:
        """The model, without its alias."""
        return self.model.partition("@")[0]

    @property
    def alias(self) -> str:
        """The alias, champion when none is written."""
        return self.model.partition("@")[2] if "@" in self.model else "champion"
