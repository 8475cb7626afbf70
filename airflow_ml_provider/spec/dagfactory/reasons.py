"""Reasons: why a key or an operator of dag-factory has no counterpart in the language."""

from __future__ import annotations

_KEYS = {
    "catchup": "gaps are found in the ledger and made by a backfill, so there is no switch",
    "description": "a Dag describes itself from what it declares",
    "doc_md": "a Dag describes itself from what it declares",
    "tags": "a Dag is tagged with its kind and its owner",
    "max_active_runs": "partitions are fenced, so runs need not be held apart",
    "concurrency": "partitions are fenced, so tasks need not be held apart",
    "max_active_tasks": "partitions are fenced, so tasks need not be held apart",
    "task_groups": "a pipeline has few tasks, and always the same",
    "task_group_name": "a pipeline has few tasks, and always the same",
    "params": "a run knows its partition; write what the SELECT or function needs as params of it",
    "callbacks": "failures are told to the connections of 'alert'",
    "dagrun_timeout": "the language has no timeout",
    "sla": "the language has no deadline yet",
    "trigger_rule": "tasks of a pipeline run in their order, and a failed one ends the run",
    "depends_on_past": "a partition depends on its inputs alone",
    "pool": "the language names no pool",
    "queue": "the language names no queue",
    "expand": "tasks are not mapped over values; predictions are cut into chunks by themselves",
    "partial": "tasks are not mapped over values; predictions are cut into chunks by themselves",
    "outlets": "each pipeline has an asset of its own, named after it",
    "inlets": "what is read is declared under 'from'",
    "op_args": "a function takes its arguments by name",
    "mode": "waiting is done in the triggerer and holds no worker",
    "poke_interval": "waiting is done in the triggerer and holds no worker",
    "timeout": "waiting is done in the triggerer and holds no worker",
    "default_view": "Airflow 3 has no such setting",
    "orientation": "Airflow 3 has no such setting",
}
_OPERATORS = {
    "BashOperator": "there is no shell step: make it a Python function or a SELECT",
    "EmailOperator": "failures are told to the connections of 'alert'",
    "SlackAPIPostOperator": "failures are told to the connections of 'alert'",
    "BranchPythonOperator": "whether there is anything to do is judged by the ledger",
    "ShortCircuitOperator": "whether there is anything to do is judged by the ledger",
    "TriggerDagRunOperator": "pipelines meet in stored data: let the other one read this table",
    "ExternalTaskSensor": "pipelines meet in stored data: name the other's table as a source",
    "TimeDeltaSensor": "write how late data may be: 'ready: {lateness: 6h}' of the source",
    "DateTimeSensor": "write how late data may be: 'ready: {lateness: 6h}' of the source",
    "FileSensor": "readiness is asked of tables: load the file into one, and name it as a source",
    "S3KeySensor": "readiness is asked of tables: load the file into one, and name it as a source",
}
_CALLBACK = ("on_failure", "on_success", "on_retry", "on_execute", "sla_miss")


def of_key(key: str) -> str:
    """Return why ``key`` was left out."""
    if key.startswith(_CALLBACK):
        return _KEYS["callbacks"]
    return _KEYS.get(key, "the language has no such key")


def of_operator(name: str) -> str:
    """Return why a task of the operator ``name`` was left out."""
    if name in _OPERATORS:
        return _OPERATORS[name]
    if name.endswith("Sensor"):
        return "readiness is asked of the tables that are read: see 'ready' of a source"
    return "there is no such step: a feature is one SELECT or one Python function"
