"""A system: everything that one YAML file declares."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, StrictInt, model_validator

from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.inference import Inference
from airflow_ml_provider.spec.reading import refuse
from airflow_ml_provider.spec.scalar import (
    Connection,
    Duration,
    Label,
    Moment,
    Name,
    Zone,
)
from airflow_ml_provider.spec.section import Section
from airflow_ml_provider.spec.source import Source
from airflow_ml_provider.spec.training import Training
from airflow_ml_provider.spec.version import Version
from airflow_ml_provider.spec.yaml12 import write_yaml

DEFAULTS = "defaults"


class System(Section):
    """One ML system: feature, training and inference pipelines that meet in stored data."""

    version: Version = Field(
        default=1, description="The version of the language; it counts up at breaking changes."
    )
    system: Name = Field(description="Its name; Dags are named '<system>.<name>'.")
    owner: Label = Field(description="The team that is told when something breaks.")
    start: Moment = Field(description="Where the data begins: the first window starts here.")
    end: Moment | None = Field(
        default=None, description="Where it ends (exclusive); never when left out."
    )
    timezone: Zone = Field(
        default="UTC", description="The zone in which days, weeks and months begin."
    )
    store: Connection | None = Field(
        default=None,
        description="The store's Airflow connection. Default: an embedded DuckDB file.",
    )
    registry: Connection | None = Field(
        default=None, description="The model registry's connection. Default: an embedded MLflow."
    )
    alert: tuple[Connection, ...] = Field(
        default=(), description="Connections that failures are told to. Default: the log."
    )
    retries: Annotated[StrictInt, Field(ge=0, le=100)] = Field(
        default=2, description="How often a failed task is tried again."
    )
    retry_delay: Duration = Field(
        default=timedelta(minutes=5),
        description="How long to wait before the next try.",
        json_schema_extra={"default": "5m"},
    )
    sources: dict[Name, Source] = Field(default={}, description="The tables that are read.")
    features: dict[Name, Feature] = Field(default={}, description="The feature pipelines.")
    training: dict[Name, Training] = Field(default={}, description="The training pipelines.")
    inference: dict[Name, Inference] = Field(default={}, description="The inference pipelines.")

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if not (self.features or self.training or self.inference):
            refuse(
                "declares no pipeline, so no Dag would be made",
                "Add an entry under 'features', 'training' or 'inference'.",
            )
        return self


def dump(system: System) -> str:
    """Return ``system`` as YAML that loads as an equal system; defaults are left out."""
    data: dict[str, Any] = system.model_dump(mode="json", exclude_defaults=True)
    return write_yaml(data)
