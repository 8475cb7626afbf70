"""A task: one task of dag-factory, in the few forms that a feature can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Loc = tuple[str | int, ...]

_SQL = (
    "SQLExecuteQueryOperator",
    "PostgresOperator",
    "SnowflakeOperator",
    "RedshiftSQLOperator",
    "TrinoOperator",
    "MySqlOperator",
    "SqliteOperator",
    "DuckDBOperator",
)
_CHECKS = ("SqlSensor", "SQLSensor")
_EMPTY = ("EmptyOperator", "DummyOperator")


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it was written, and where."""

    task_id: str
    loc: Loc
    said: Mapping[str, Any]

    @property
    def operator(self) -> str:
        """The last part of its operator's name; a decorated function is a PythonOperator."""
        if "decorator" in self.said:
            return "PythonOperator"
        return str(self.said.get("operator", "")).rpartition(".")[2]

    @property
    def is_sql(self) -> bool:
        """Whether it runs SQL."""
        return self.operator in _SQL

    @property
    def is_python(self) -> bool:
        """Whether it calls a function."""
        return self.operator == "PythonOperator"

    @property
    def is_check(self) -> bool:
        """Whether it waits for an answer of a query."""
        return self.operator in _CHECKS

    @property
    def is_empty(self) -> bool:
        """Whether it does nothing."""
        return self.operator in _EMPTY

    @property
    def after(self) -> tuple[str, ...]:
        """The tasks that it waits for."""
        given = self.said.get("dependencies") or []
        return tuple(map(str, given if isinstance(given, list) else [given]))

    @property
    def function(self) -> str | None:
        """Its function as ``module:name``; None when it is not said in a form that we know."""
        name, file = self.said.get("python_callable_name"), self.said.get("python_callable_file")
        if isinstance(name, str) and isinstance(file, str):
            return f"{Path(file).stem}:{name}"
        module, _, name = str(self.said.get("python_callable", "")).rpartition(".")
        return f"{module}:{name}" if module else None


def tasks_of(dag: Mapping[str, Any], loc: Loc) -> Iterator[Task]:
    """Yield the tasks of a Dag, which are a list or a mapping."""
    given = dag.get("tasks")
    if isinstance(given, Mapping):
        for name, said in given.items():
            if isinstance(said, Mapping):
                yield Task(str(name), (*loc, "tasks", name), said)
    for number, said in enumerate(given if isinstance(given, list) else ()):
        if isinstance(said, Mapping):
            yield Task(str(said.get("task_id", number)), (*loc, "tasks", number), said)
