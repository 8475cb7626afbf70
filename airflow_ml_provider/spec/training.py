"""A training: what a model learns from, when it is trained again, and when it is promoted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    model_serializer,
    model_validator,
)

from airflow_ml_provider.domain.promotion import PromotionPolicy
from airflow_ml_provider.spec.document import shown
from airflow_ml_provider.spec.fault import did_you_mean
from airflow_ml_provider.spec.reading import fraction, refuse, write_duration
from airflow_ml_provider.spec.scalar import (
    Column,
    Duration,
    Every,
    Function,
    NewRows,
    Percent,
    Plain,
    Reference,
    Span,
)
from airflow_ml_provider.spec.section import Section

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_MEASURED = ("age", "new_rows")
_SWITCHES = ("code", "config", "restated")
_LATER = ("drift", "decay")
_NEVER_NEGATIVE = frozenset(
    {"rmse", "mae", "mse", "mape", "rmsle", "log_loss", "logloss", "brier"}
)
_FALLS = _NEVER_NEGATIVE | {"loss"}


class TrainingLabel(Section):
    """The column that is learned."""

    source: Reference = Field(alias="from", description="The source whose table has the label.")
    column: Column = Field(description="The column that is learned.", examples=["arr_delay"])
    matures: Duration = Field(
        default=timedelta(0),
        json_schema_extra={"default": "0s"},
        description="How long after its event time a label may still change.",
    )


class Cause(Section):
    """One cause of staleness: a name (code, config, restated), or a name with its limit."""

    age: Span | None = None
    new_rows: NewRows | None = None
    code: StrictBool = False
    config: StrictBool = False
    restated: StrictBool = False

    @property
    def name(self) -> str:
        """The one cause that is set."""
        return next(name for name in (*_MEASURED, *_SWITCHES) if getattr(self, name))

    @model_validator(mode="before")
    @classmethod
    def _one_cause(cls, value: object) -> object:
        if isinstance(value, Cause):
            return value
        name, limit = (value, True) if isinstance(value, str) else _only_entry(value)
        if name in _LATER:
            comes = "comes later, with the measuring of live data"
            refuse(f"{name!r} {comes}", f"Leave it out for now. {_CAUSES}")
        if name not in _MEASURED + _SWITCHES:
            refuse(f"unknown cause {name!r}", did_you_mean(name, _MEASURED + _SWITCHES))
        if name in _MEASURED and (limit is None or limit is True):
            refuse(f"{name!r} needs its limit", _CAUSES)
        if name in _SWITCHES and limit is not True:
            refuse(f"{name!r} takes no limit", f"Write '{name}' alone. {_CAUSES}")
        return {name: limit}

    @model_serializer
    def _as_written(self) -> Any:
        if self.age is not None:
            return {"age": write_duration(self.age)}
        return {"new_rows": self.new_rows} if self.new_rows is not None else self.name

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        known = handler.resolve_ref_schema(handler(core_schema))["properties"]
        entries = [
            {
                "type": "object",
                "properties": {name: known[name]},
                "required": [name],
                "additionalProperties": False,
            }
            for name in _MEASURED
        ]
        return {"anyOf": [{"enum": list(_SWITCHES)}, *entries]}


_CAUSES = "Causes look like: {age: 7d}, {new_rows: 20%}, code, config, restated."


def _only_entry(value: object) -> tuple[str, object]:
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    if isinstance(value, dict) and value:
        refuse(
            f"holds {len(value)} causes at once",
            "Write each as an entry of its own: [{age: 7d}, {new_rows: 20%}].",
        )
    return refuse(f"must be a cause, got {shown(value)}", _CAUSES)


class Retrain(Section):
    """When a model is stale. Any cause is enough."""

    any: Annotated[tuple[Cause, ...], Field(min_length=1)] = Field(
        default=(Cause(code=True), Cause(config=True), Cause(restated=True)),
        description="The causes that make the model stale.",
        examples=[[{"age": "7d"}, {"new_rows": "20%"}, "code", "config", "restated"]],
    )
    cooldown: Duration = Field(
        default=timedelta(0),
        description="No training within this time of the last one.",
        json_schema_extra={"default": "0s"},
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = [name for name, n in Counter(cause.name for cause in self.any).items() if n > 1]
        if twice:
            refuse(f"names {twice[0]!r} more than once", "Keep the shortest limit.")
        return self


class Promote(Section):
    """When a challenger takes the champion's place; both are scored on the same holdout."""

    metric: Column = Field(description="The metric that decides.", examples=["rmse", "auc"])
    better_by: Percent = Field(
        default="0%", description="By which share of the champion's value it must be better."
    )
    higher_is_better: StrictBool | None = Field(
        default=None, description="Known for the usual metrics; say it for others."
    )

    @model_validator(mode="after")
    def _direction_known(self) -> Self:
        said, rises = self.higher_is_better, PromotionPolicy(self.metric).rises
        known = rises or self.metric in _FALLS
        if said is None and not known:
            message = f"does not say whether a higher {self.metric} is better"
            refuse(message, "Add 'higher_is_better: true' or 'higher_is_better: false'.")
        if said is not None and known and said != rises:
            better = "higher" if rises else "lower"
            refuse(
                f"says the opposite of {self.metric}, of which a {better} value is better",
                "Leave 'higher_is_better' out, or give a metric of your own another name.",
            )
        return self

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        if self.metric in _NEVER_NEGATIVE and fraction(self.better_by) >= 1:
            refuse(
                f"asks for {self.metric} to be lower by {self.better_by}, and it never can",
                "Write the share by which a challenger must be better, such as 'better_by: 1%'.",
            )
        return self


class Training(Section):
    """A model: its features and label, its function, and the rules it lives by."""

    features: Annotated[tuple[Reference, ...], Field(min_length=1)] = Field(
        description="The feature views that the model reads.", examples=[["route_delays"]]
    )
    label: TrainingLabel = Field(description="What is learned.")
    window: Span = Field(description="How much trailing time one training reads.")
    holdout: Span | None = Field(
        default=None,
        description=(
            "The end of the window on which champion and challenger are compared. Default: a "
            "fifth of the window in whole partitions, and at least one."
        ),
    )
    train: Function = Field(
        description="A function that takes (dataset, params) and returns (model, metrics)."
    )
    evaluate: Function | None = Field(
        default=None, description="A function that takes (model, holdout) and returns metrics."
    )
    params: Plain = Field(default={}, description="What the training function is given as params.")
    retrain: Retrain = Field(
        default=Retrain(),
        description="When it is trained again. Default: changed code, params or inputs.",
    )
    promote: Promote | None = Field(
        default=None, description="What a challenger must show. Without it, every one is promoted."
    )
    approve: StrictBool = Field(default=False, description="Ask a person before the promotion.")
    every: Every | None = Field(
        default=None,
        description="How often staleness is checked. Default: as its coarsest features.",
    )
