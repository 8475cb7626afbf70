"""The work of a conversion: tasks become features, and what does not map becomes a note."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_ml_provider.spec.dagfactory.reasons import of_key, of_operator
from airflow_ml_provider.spec.dagfactory.schedule import Cadence, cadence
from airflow_ml_provider.spec.dagfactory.select import Select, select_in
from airflow_ml_provider.spec.dagfactory.shared import Shared
from airflow_ml_provider.spec.dagfactory.task import Loc, Task, tasks_of
from airflow_ml_provider.spec.document import Document
from airflow_ml_provider.spec.fault import Fault
from airflow_ml_provider.spec.sql import read_text
from airflow_ml_provider.spec.yaml12 import write_yaml

_HEAD = """\
# Converted from {name} by airflow-ml convert, which told what did not map.
# What dag-factory does not know is missing here, such as join keys and event times: airflow-ml lint
# names each.
"""
_SCHEDULES = ("schedule", "schedule_interval")
_USED_BY_TASKS = ("operator", "decorator", "task_id", "dependencies")
_USED_BY_SQL = ("sql", "conn_id", "postgres_conn_id", "snowflake_conn_id", "parameters")
_USED_BY_PYTHON = (
    "python_callable",
    "python_callable_name",
    "python_callable_file",
    "op_kwargs",
)


@dataclass(slots=True)
class Conversion:
    """What a file of dag-factory becomes: files by name, and a note for all that does not map."""

    files: dict[str, str] = field(default_factory=dict)
    notes: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Layer:
    """What holds for a Dag: the mapping at ``loc`` of a document, which is a file of defaults too."""

    document: Document
    loc: Loc
    said: Mapping[str, Any]

    def arguments(self) -> Iterator[tuple[str, Loc, Any]]:
        """Yield the keys that a system shares, each with its place and value."""
        inner = self.said.get("default_args")
        for key, value in inner.items() if isinstance(inner, dict) else ():
            yield key, (*self.loc, "default_args", key), value
        if "timezone" in self.said:
            yield "timezone", (*self.loc, "timezone"), self.said["timezone"]


def name_of(text: str) -> str:
    """Return ``text`` as the name of a system or a pipeline."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    joined = "_".join(words)
    return joined if joined[:1].isalpha() else f"x_{joined}"


class Work:
    """One conversion under way."""

    def __init__(self, document: Document, system: str, defaults: Sequence[Layer]) -> None:
        self._document = document
        self._system = system
        self._defaults = tuple(defaults)
        self._shared = Shared()
        self._sources: dict[str, dict[str, Any]] = {}
        self._features: dict[str, dict[str, Any]] = {}
        self._made = Conversion()

    def note(
        self,
        loc: Loc,
        message: str,
        hint: str,
        document: Document | None = None,
        *,
        at_key: bool = False,
    ) -> None:
        """Tell something about what stands at ``loc``, once: of defaults many Dags may find it."""
        fault = (document or self._document).fault_at(loc, message, hint, at_key=at_key)
        if fault not in self._made.notes:
            self._made.notes.append(fault)

    def take_dag(self, name: str, dag: Mapping[str, Any]) -> None:
        """Make features of the tasks of a Dag."""
        self._take_shared(name, dag)
        found = self._cadence(name, dag)
        tasks = list(tasks_of(dag, (name,)))
        working = [task for task in tasks if task.is_sql or task.is_python]
        names = {
            task.task_id: name_of(name if len(working) == 1 else f"{name}_{task.task_id}")
            for task in working
        }
        before = set(self._sources)
        for task in tasks:
            self._take_task(task, names, found)
        waits = {task.task_id for task in tasks if task.is_check}
        for task in working:
            self._take_order(task, names, waits)
        if found is not None and found.lateness:
            self._allow(self._sources.keys() - before, found.lateness)

    def done(self) -> Conversion:
        """Return our files, and every note in the order of its line."""
        system: dict[str, Any] = {"system": self._system, **self._shared.values}
        if self._sources:
            system["sources"] = self._sources
        system["features"] = self._features
        head = _HEAD.format(name=self._document.path.name)
        self._made.files = {f"{self._system}.yaml": head + write_yaml(system), **self._made.files}
        self._made.notes.sort()
        return self._made

    def _take_order(self, task: Task, names: Mapping[str, str], waits: Collection[str]) -> None:
        """Let a feature read those that it came after."""
        feature = self._features.get(names[task.task_id])
        if feature is None:
            return
        before = [names[other] for other in task.after if names.get(other) in self._features]
        reads = [self._behind(name) for name in before]
        feature["from"] = list(dict.fromkeys([*feature["from"], *reads]))
        lost = [o for o in task.after if o not in waits and names.get(o) not in self._features]
        if lost:
            reason = f"{', '.join(lost)} became nothing that could be awaited"
            self._left_out((*task.loc, "dependencies"), "dependencies", reason)

    def _allow(self, sources: Iterable[str], lateness: str) -> None:
        # What a feature of ours writes is awaited by its ledger, not by the clock.
        own = {each.get("table", f"{self._system}.{n}") for n, each in self._features.items()}
        for name in sources:
            if self._sources[name]["table"] not in own:
                self._sources[name].setdefault("ready", {})["lateness"] = lateness

    def _take_shared(self, name: str, dag: Mapping[str, Any]) -> None:
        layers = [*self._defaults, Layer(self._document, (name,), dag)]
        # The nearest one that says a key decides.
        given = {key: (layer, *found) for layer in layers for key, *found in layer.arguments()}
        for key, (layer, loc, value) in given.items():
            refusal = self._shared.take(key, value)
            if refusal is not None:
                self._left_out(loc, key, refusal, layer.document)
        known = {"default_args", "tasks", "timezone", *_SCHEDULES}
        for layer in layers:
            for key in layer.said:
                if key not in known:
                    self._left_out((*layer.loc, key), str(key), of_key(str(key)), layer.document)

    def _left_out(self, loc: Loc, key: str, reason: str, document: Document | None = None) -> None:
        self.note(loc, f"{key}: left out", f"Why: {reason}.", document, at_key=True)

    def _leave(self, loc: Loc, said: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in said:
            if key not in known:
                self._left_out((*loc, key), str(key), of_key(str(key)))

    def _cadence(self, name: str, dag: Mapping[str, Any]) -> Cadence | None:
        for layer in (Layer(self._document, (name,), dag), *reversed(self._defaults)):
            for key in _SCHEDULES:
                if key in layer.said:
                    return self._read_cadence(layer, key)
        self.note((name,), f"{name}: has no schedule", "Add 'every' to its features.", at_key=True)
        return None

    def _read_cadence(self, layer: Layer, key: str) -> Cadence | None:
        schedule = layer.said[key]
        found = cadence(schedule)
        if found is None:
            why = "Why: partitions are of an hour, a day, a week or a month. Add 'every' yourself."
            words = f"schedule: {schedule!r} is the cadence of no partition"
            self.note((*layer.loc, key), words, why, layer.document)
        elif found.lateness:
            hint = (
                "A partition is computed when its data is ready: say when that is under 'ready'."
            )
            said = f"'every: {found.every}', and its sources may be {found.lateness} late"
            self.note((*layer.loc, key), f"schedule: became {said}", hint, layer.document)
        return found

    def _take_task(self, task: Task, names: Mapping[str, str], found: Cadence | None) -> None:
        if task.is_empty:
            self._left_out(task.loc, task.task_id, "it does nothing")
        elif task.is_check:
            self._take_check(task)
        elif task.is_sql:
            self._take_sql(task, names, found)
        elif task.is_python:
            self._take_python(task, names, found)
        else:
            reason = of_operator(task.operator)
            self.note(task.loc, f"{task.task_id}: {task.operator} was left out", f"Why: {reason}.")

    def _take_check(self, task: Task) -> None:
        found = select_in(str(task.said.get("sql", "")))
        if isinstance(found, str) or not found.reads:
            self.note(task.loc, f"{task.task_id}: {task.operator} was left out", _NO_TABLE)
            return
        for table in found.reads:
            self._source(table).setdefault("ready", {})["rows"] = 1
        said = f"became 'ready: {{rows: 1}}' of {', '.join(found.reads)}"
        self.note(task.loc, f"{task.task_id}: {said}", "Say how many rows a window needs.")
        self._connection(task)
        self._leave(task.loc, task.said, (*_USED_BY_TASKS, *_USED_BY_SQL))

    def _take_sql(self, task: Task, names: Mapping[str, str], every: Cadence | None) -> None:
        sql, loc = task.said.get("sql"), (*task.loc, "sql")
        if isinstance(sql, str) and sql.strip().endswith(".sql"):
            sql = self._beside(sql.strip(), loc)
        found = select_in(sql) if isinstance(sql, str) else "its SQL is no single text"
        if isinstance(found, str):
            self.note(loc, f"{task.task_id}: was left out", f"Why: {found}.")
            return
        for said in found.notes:
            self.note(loc, f"{task.task_id}: {said}", "")
        name = names[task.task_id]
        self._connection(task)
        feature = self._feature(name, every, found)
        feature["sql"] = f"{name}.sql"
        self._made.files[f"{name}.sql"] = found.text
        self._params(task, feature, "parameters")
        self._leave(task.loc, task.said, (*_USED_BY_TASKS, *_USED_BY_SQL))

    def _take_python(self, task: Task, names: Mapping[str, str], every: Cadence | None) -> None:
        if task.function is None:
            hint = "Why: it names no 'python_callable' as package.module.function."
            self.note(task.loc, f"{task.task_id}: was left out", hint)
            return
        feature = self._feature(names[task.task_id], every, None)
        feature["python"] = task.function
        said = (
            f"became the feature {names[task.task_id]}, whose function takes the window and tables"
        )
        hint = (
            "Change it: it returns a table and writes nothing. If it fits a model or predicts, move "
            "it to 'training' or 'inference'."
        )
        self.note(task.loc, f"{task.task_id}: {said}", hint)
        self._params(task, feature, "op_kwargs")
        self._leave(task.loc, task.said, (*_USED_BY_TASKS, *_USED_BY_PYTHON))

    def _feature(self, name: str, every: Cadence | None, select: Select | None) -> dict[str, Any]:
        feature: dict[str, Any] = {"every": every.every} if every else {}
        tables = select.reads if select else ()
        feature["from"] = [self._source_name(table) for table in tables if self._source(table)]
        if select and select.table:
            feature["table"] = select.table
        self._features[name] = feature
        return feature

    def _behind(self, feature: str) -> str:
        """Return the source by which another feature is read."""
        table = self._features[feature].get("table", f"{self._system}.{feature}")
        self._source(table)
        return self._source_name(table)

    def _source(self, table: str) -> dict[str, Any]:
        return self._sources.setdefault(self._source_name(table), {"table": table})

    def _source_name(self, table: str) -> str:
        short = name_of(table.rpartition(".")[2])
        known = self._sources.get(short, {"table": table})
        return short if known["table"] == table else name_of(table)

    def _params(self, task: Task, feature: dict[str, Any], key: str) -> None:
        given = task.said.get(key)
        if given is None:
            return
        if isinstance(given, dict) and not any("{{" in str(value) for value in given.values()):
            feature["params"] = given
        else:
            self._left_out((*task.loc, key), key, "params are plain values, without templates")

    def _connection(self, task: Task) -> None:
        for key in ("conn_id", "postgres_conn_id", "snowflake_conn_id"):
            refusal = self._shared.take("store", task.said[key]) if key in task.said else None
            if refusal is not None:
                self._left_out((*task.loc, key), key, refusal)

    def _beside(self, name: str, loc: Loc) -> object:
        path = self._document.path.parent / name
        try:
            return read_text(path)
        except (OSError, ValueError):
            self.note(loc, f"the SQL file {name!r} cannot be read from here", "")
            return None


_NO_TABLE = "Why: no table could be made out in its SQL."
