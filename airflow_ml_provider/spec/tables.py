"""Tables: who writes and who reads which, and where that goes round in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_provider.spec.system import System

Place = tuple[str, ...]
Pipeline = tuple[str, str]


def table_of(system: System, name: str, table: str | None) -> str:
    """Return the table that a pipeline writes: the one it names, or '<system>.<name>'."""
    return table or f"{system.system}.{name}"


def table_clashes(system: System) -> Iterator[tuple[Place, str]]:
    """Yield the place and the words for every table that two pipelines would write."""
    owners: dict[str, Pipeline] = {}
    for pipeline, table in _written(system):
        # DuckDB folds the case of names and PostgreSQL does not: the stricter one decides.
        first = owners.setdefault(table.casefold(), pipeline)
        if first != pipeline:
            message = f"{'.'.join(first)} and {'.'.join(pipeline)} would both write table {table}"
            yield (*pipeline, "table"), message


def _written(system: System) -> Iterator[tuple[Pipeline, str]]:
    for name, feature in system.features.items():
        yield ("features", name), table_of(system, name, feature.table)
    for name, inference in system.inference.items():
        table = table_of(system, name, inference.table)
        yield ("inference", name), table
        yield ("inference", name), f"{table}__staging"
    for name, training in system.training.items():
        first = training.features[0]
        if first in system.features:
            table = table_of(system, first, system.features[first].table)
            schema = table.rpartition(".")[0]
            dataset = f"{schema}.{name}__dataset" if schema else f"{name}__dataset"
            yield ("training", name), dataset


def cycles(system: System) -> Iterator[tuple[Place, str]]:
    """Yield the place and the words for every circle of pipelines that wait for each other."""
    needs = _needs(system)
    done: set[Pipeline] = set()
    for pipeline in needs:
        circle = _circle(pipeline, needs, done)
        if circle:
            way = " → ".join(".".join(step) for step in circle)
            yield circle[0], f"the pipelines read each other in a circle: {way}"


def _needs(system: System) -> dict[Pipeline, list[Pipeline]]:
    writers = {table.casefold(): pipeline for pipeline, table in _written(system)}
    behind = {
        name: writers.get(source.table.casefold()) for name, source in system.sources.items()
    }
    needs: dict[Pipeline, list[Pipeline]] = {}
    for name, feature in system.features.items():
        needs["features", name] = [w for read in feature.reads if (w := behind.get(read))]
    for name, training in system.training.items():
        label = behind.get(training.label.source)
        needs["training", name] = [("features", f) for f in training.features]
        needs["training", name] += [label] if label else []
    for name, inference in system.inference.items():
        needs["inference", name] = [("features", f) for f in inference.features]
        needs["inference", name].append(("training", inference.model_name))
    return needs


def _circle(
    start: Pipeline, needs: dict[Pipeline, list[Pipeline]], done: set[Pipeline]
) -> list[Pipeline]:
    """Return a circle that is reached from ``start``, or nothing; marks what it has seen."""
    path: list[Pipeline] = []
    todo = [(start, False)]
    while todo:
        pipeline, leaving = todo.pop()
        if leaving:
            path.pop()
            continue
        if pipeline in path:
            return [*path[path.index(pipeline) :], pipeline]
        if pipeline in done:
            continue
        done.add(pipeline)
        path.append(pipeline)
        todo.append((pipeline, True))
        todo += [(need, False) for need in needs.get(pipeline, [])]
    return []
