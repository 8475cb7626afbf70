"""Facts: what a pipeline and its Dag are, as text by name, so that two of them can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.factory.build import build_dags
from airflow_ml_provider.spec.catalog import pipelines
from airflow_ml_provider.spec.yaml12 import flow
from airflow_ml_provider.steps.code import code_at, files_in
from airflow_ml_provider.steps.judgement import config_of

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.spec import LoadedSystem

    Pipeline = FeatureView | TrainedModel | BatchPrediction

_SHARED = ("owner", "start", "end", "store", "registry", "alert", "retries", "retry_delay")
_SECTIONS = {FeatureView: "features", TrainedModel: "training", BatchPrediction: "inference"}


@dataclass(frozen=True, slots=True)
class Facts:
    """
    A pipeline as text: ``said`` in the words of the YAML and of its Dag.

    ``recipe`` is what a partition or a version is made from, as the ledger fingerprints it; with
    other inputs than ``inputs`` (tables) or another recipe, it is made again.
    """

    pipeline: Pipeline
    store: str | None
    said: Mapping[str, str]
    recipe: Mapping[str, str]
    inputs: frozenset[str]

    @property
    def name(self) -> str:
        """The name of its Dag."""
        return self.pipeline.name

    @property
    def kind(self) -> str:
        """The section of the YAML in which it stands."""
        return _SECTIONS[type(self.pipeline)]


def facts_of(loaded: LoadedSystem, folders: Sequence[Path] = ()) -> Iterator[Facts]:
    """
    Yield the facts of every pipeline of a system.

    Functions are looked for beside the YAML, then in ``folders``, then where Python finds modules;
    they are read and not imported.
    """
    dags = {dag.dag_id: dag for dag in build_dags(loaded)}
    places = [loaded.path.parent, *folders]
    for pipeline in pipelines(loaded):
        codes = {name: code_in(places, ref) for name, ref in _functions(pipeline).items()}
        said = dict(_written(loaded, pipeline)) | dict(_made(dags[pipeline.name]))
        said |= {f"code of {name}": code for name, code in codes.items()}
        if isinstance(pipeline, FeatureView) and pipeline.sql is not None:
            said["text of sql"] = pipeline.sql
        yield Facts(
            pipeline, loaded.system.store, said, _recipe(pipeline, codes), _inputs(pipeline)
        )


def code_in(folders: Sequence[Path], reference: str) -> str:
    """Return the fingerprint of a function's code as the ledger has it, or that there is none."""
    return code_at(reference, files_in(folders)) or "not found"


def _functions(pipeline: Pipeline) -> dict[str, str]:
    names = ("python", "train", "evaluate", "predict")
    return {name: ref for name in names if (ref := getattr(pipeline, name, None))}


def _written(loaded: LoadedSystem, pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    system = loaded.system.model_dump(mode="json")
    for key in _SHARED:
        yield key, flow(system[key])
    entry = system[_SECTIONS[type(pipeline)]][pipeline.name.partition(".")[2]]
    yield from _flat(entry, "")
    for name in entry.get("from", ()):
        yield from _flat(system["sources"][name], f"sources.{name}")
    if "label" in entry:
        name = entry["label"]["from"]
        yield from _flat(system["sources"][name], f"sources.{name}")
    yield "every", f"{pipeline.calendar.granularity} ({pipeline.calendar.zone_name})"
    if not isinstance(pipeline, TrainedModel):
        yield "table", str(pipeline.table)


def _flat(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        name = f"{above}.{key}" if above else key
        if isinstance(item, Mapping) and item:
            yield from _flat(item, name)
        else:
            yield name, flow(item)


def _made(dag: DAG) -> Iterator[tuple[str, str]]:
    timetable: Any = dag.timetable
    ordered = dag.topological_sort()
    assets = [asset for task in ordered for asset in getattr(task, "outlets", ())]
    yield "schedule", timetable.description
    yield "tasks", " >> ".join(task.task_id for task in ordered)
    yield "publishes", ", ".join(f"{asset.name} ({asset.uri})" for asset in assets)
    yield (
        "listens to",
        ", ".join(sorted(each.name for each in getattr(timetable, "calendars", ()))),
    )


def _recipe(pipeline: Pipeline, codes: Mapping[str, str]) -> dict[str, str]:
    match pipeline:
        case FeatureView():
            code = fingerprint(pipeline.sql) if pipeline.python is None else codes["python"]
            return {"code": code, "params": fingerprint(pipeline.params)}
        case TrainedModel():
            return {"code": codes["train"], "config": config_of(pipeline)}
    model = f"{pipeline.model}@{pipeline.alias}"
    return {"code": codes["predict"], "params": fingerprint(pipeline.params), "model": model}


def _inputs(pipeline: Pipeline) -> frozenset[str]:
    if isinstance(pipeline, FeatureView):
        return frozenset(str(source.table) for source in pipeline.sources)
    return frozenset(str(view.table) for view in pipeline.features)
