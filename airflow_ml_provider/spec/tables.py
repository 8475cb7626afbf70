"""Tables: who writes and who reads which, and where that goes round in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_ml_provider.spec.system import System

Place = tuple[str, ...]
# A pipeline by its system, its section and its name.
Pipeline = tuple[str, str, str]


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
            names = f"{'.'.join(first[1:])} and {'.'.join(pipeline[1:])}"
            yield (*pipeline[1:], "table"), f"{names} would both write table {table}"


def _written(system: System) -> Iterator[tuple[Pipeline, str]]:
    own = system.system
    for name, feature in system.features.items():
        yield (own, "features", name), table_of(system, name, feature.table)
    for name, inference in system.inference.items():
        table = table_of(system, name, inference.table)
        yield (own, "inference", name), table
        yield (own, "inference", name), f"{table}__staging"
    for name, training in system.training.items():
        schema = _schema(system, training.features[0])
        if schema is not None:
            dataset = f"{schema}.{name}__dataset" if schema else f"{name}__dataset"
            yield (own, "training", name), dataset


def _schema(system: System, first: str) -> str | None:
    if first in system.features:
        return table_of(system, first, system.features[first].table).rpartition(".")[0]
    return system.system if "." in first else None


def cycles(system: System, beside: Iterable[System] = ()) -> Iterator[tuple[Place, str]]:
    """
    Yield the place and the words for every circle of pipelines that wait for each other.

    Those ``beside`` are other systems; a circle is told when ``system`` is part of it.
    """
    for circle in circles((system, *beside)):
        turned = _turned(circle, system.system)
        if turned is not None:
            yield turned[0][1:], told(turned)


def told(circle: list[Pipeline]) -> str:
    """Return a circle in words; pipelines of other systems than the first are told with theirs."""
    own = circle[0][0]
    way = " → ".join(".".join(each[1:] if each[0] == own else each) for each in circle)
    return f"the pipelines read each other in a circle: {way}"


def circles(systems: Iterable[System]) -> Iterator[list[Pipeline]]:
    """Yield every circle among the pipelines of ``systems``; its first pipeline is also its last."""
    needs = _needs(list(systems))
    done: set[Pipeline] = set()
    for pipeline in needs:
        circle = _circle(pipeline, needs, done)
        if circle:
            yield circle


def _turned(circle: list[Pipeline], system: str) -> list[Pipeline] | None:
    """Return the circle as it begins in ``system``, or None when it does not pass there."""
    steps = circle[:-1]
    own = next((index for index, each in enumerate(steps) if each[0] == system), None)
    return None if own is None else [*steps[own:], *steps[:own], steps[own]]


def _needs(systems: list[System]) -> dict[Pipeline, list[Pipeline]]:
    writers = {
        table.casefold(): pipeline for system in systems for pipeline, table in _written(system)
    }
    needs: dict[Pipeline, list[Pipeline]] = {}
    for system in systems:
        needs |= _needs_of(system, writers)
    return needs


def _needs_of(system: System, writers: dict[str, Pipeline]) -> dict[Pipeline, list[Pipeline]]:
    own = system.system
    behind = {
        name: writers.get(source.table.casefold()) for name, source in system.sources.items()
    }
    needs: dict[Pipeline, list[Pipeline]] = {}
    for name, feature in system.features.items():
        needs[own, "features", name] = [w for read in feature.reads if (w := behind.get(read))]
    for name, training in system.training.items():
        label = behind.get(training.label.source)
        read = [_feature(own, each) for each in training.features]
        needs[own, "training", name] = [*read, *([label] if label else [])]
    for name, inference in system.inference.items():
        read = [_feature(own, each) for each in inference.features]
        needs[own, "inference", name] = [*read, (own, "training", inference.model_name)]
    return needs


def _feature(own: str, reference: str) -> Pipeline:
    system, _, name = reference.rpartition(".")
    return system or own, "features", name


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
