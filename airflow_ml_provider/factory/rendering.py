"""A rendering: a Dag of the factory as Python that makes the same Dag without any YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_ml_provider.domain.outline import Outline
from airflow_ml_provider.factory.python_source import Names, source
from airflow_ml_provider.notifications import PipelineNotifier
from airflow_ml_provider.operators.base import MLOperator
from airflow_ml_provider.schedules.timetable import AssetPartitionTimetable, PartitionTimetable

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel

    Pipeline = FeatureView | TrainedModel | BatchPrediction

_PARAM = "partition_key"


def drawing(dag: DAG) -> str:
    """Return the Dag on a few lines: when it runs, and its tasks in their order."""
    chain = " >> ".join(
        f"{task.task_id}[]" if task.is_mapped else task.task_id for task in dag.topological_sort()
    )
    timetable: Any = dag.timetable
    return f"{dag.dag_id} ({', '.join(sorted(dag.tags))})\n{timetable.description}\n{chain}\n"


def python(dag: DAG, pipeline: Pipeline) -> str:
    """Return a Dag file. What it says is read from ``dag`` itself, so it cannot lag behind."""
    title = f'"""{dag.dag_id}: {(dag.doc_md or "").splitlines()[0]}"""'
    future = "from __future__ import annotations"
    names = Names()
    body = [
        f"pipeline = {source(pipeline, names)}",
        "",
        *_head(dag, pipeline, names),
        *(f"    {line}" for line in _tasks(dag, pipeline, names)),
        *_param(dag, names),
    ]
    return "\n".join([title, "", future, "", str(names), "", *body, ""])


def _head(dag: DAG, pipeline: Pipeline, names: Names) -> Iterator[str]:
    yield f"with {names.take('airflow.sdk', 'DAG')}("
    yield f"    {dag.dag_id!r},"
    yield f"    schedule={_timetable(dag.timetable, pipeline, names)},"
    for name in ("start_date", "end_date", "catchup", "max_active_runs"):
        yield f"    {name}={source(getattr(dag, name), names)},"
    yield f"    default_args={source(dict(dag.default_args), names)},"
    yield f"    tags={sorted(dag.tags)!r},"
    yield f"    doc_md={dag.doc_md!r},"
    told = ", ".join(_notifier(each, names) for each in _callbacks(dag))
    yield f"    on_failure_callback=[{told}],"
    yield ") as dag:"


def _timetable(timetable: Any, pipeline: Pipeline, names: Names) -> str:
    kind = names.use(type(timetable))
    calendar = source(timetable.calendar, names)
    if not isinstance(timetable, AssetPartitionTimetable):
        assert isinstance(timetable, PartitionTimetable)  # noqa: S101  the factory knows no other
        return f"{kind}({calendar})"
    assets = {each.name: _asset(each, names) for each in timetable.calendars}
    joined = (" | " if timetable.ticks else " & ").join(assets.values())
    upstream = ", ".join(
        f"{assets[each.name]}: {source(calendar, names)}"
        for each, calendar in timetable.calendars.items()
    )
    ticks = ", ticks=True" if timetable.ticks else ""
    return f"{kind}({calendar}, assets={joined}, calendars={{{upstream}}}{ticks})"


def _asset(asset: Any, names: Names) -> str:
    kind = names.take("airflow.sdk", "Asset")
    return f"{kind}({asset.name!r}, uri={asset.uri!r}, group={asset.group!r})"


def _callbacks(dag: DAG) -> list[Any]:
    given: Any = dag.on_failure_callback or []
    return list(given) if isinstance(given, list | tuple) else [given]


def _notifier(notifier: Any, names: Names) -> str:
    assert isinstance(notifier, PipelineNotifier)  # noqa: S101  the factory gives no other
    kind = names.take("airflow_ml_provider.notifications", "PipelineNotifier")
    return (
        f"{kind}({notifier.alert!r}, store_conn_id={notifier.store_conn_id!r}, "
        f"owner={notifier.owner!r})"
    )


def _tasks(dag: DAG, pipeline: Pipeline, names: Names) -> Iterator[str]:
    ordered = dag.topological_sort()
    for task in ordered:
        yield f"{task.task_id} = {_task(task, pipeline, names)}"
    if len(ordered) > 1:
        chained = ", ".join(task.task_id for task in ordered)
        yield f"{names.take('airflow.sdk', 'chain')}({chained})"


def _task(task: Any, pipeline: Pipeline, names: Names) -> str:
    if task.is_mapped:
        kind = task.operator_class
        given = _arguments(_own(kind, task.partial_kwargs), pipeline, names)
        expanded = _arguments(task.expand_input.value, pipeline, names)
        made = f"{names.use(kind)}.partial(task_id={task.task_id!r}, {given})"
        return f"{made}.expand({expanded})"
    kwargs = task._BaseOperator__init_kwargs  # noqa: SLF001  what it was made with
    given = _arguments(_own(type(task), kwargs), pipeline, names)
    return f"{names.use(type(task))}(task_id={task.task_id!r}, {given})"


def _own(operator: type, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are the operator's own, and say something."""
    ours = [
        each for each in operator.__mro__ if each.__module__.startswith("airflow_ml_provider.")
    ]
    accepted = {
        name
        for each in ours
        if each is not MLOperator  # which has no argument of its own
        for name in signature(each).parameters
    }
    accepted |= set(getattr(operator, "template_fields", ()))
    return {
        name: value
        for name, value in kwargs.items()
        if name in accepted and name != "task_id" and value not in (None, [], {})
    }


def _arguments(kwargs: Mapping[str, Any], pipeline: Pipeline, names: Names) -> str:
    return ", ".join(
        f"{name}={_argument(value, pipeline, names)}" for name, value in kwargs.items()
    )


def _argument(value: Any, pipeline: Pipeline, names: Names) -> str:
    if isinstance(value, Outline):
        value = value.whole()
    if value == pipeline:
        return "pipeline"
    if isinstance(value, Asset):
        return _asset(value, names)
    if isinstance(value, PlainXComArg):
        return f"{value.operator.task_id}.output"
    return source(value, names)


def _param(dag: DAG, names: Names) -> Iterator[str]:
    param = dag.params.get_param(_PARAM)
    kind = names.take("airflow.sdk", "Param")
    yield (
        f"dag.params[{_PARAM!r}] = {kind}({param.value!r}, type={param.schema['type']!r}, "
        f"description={param.description!r})"
    )
