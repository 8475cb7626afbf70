"""Advice: what a system may say, and will hardly mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from airflow_ml_provider.spec import Fault, LoadedSystem, World
from airflow_ml_provider.spec.inheritance import Layered
from airflow_ml_provider.spec.loader import understood
from airflow_ml_provider.spec.reading import write_duration
from airflow_ml_provider.spec.sql import read_text


def advice(loaded: LoadedSystem, world: World) -> Iterator[Fault]:
    """Yield a warning for early labels, models that only one machine sees, and ``no`` as a param."""
    document = understood(loaded.path, read_text(loaded.path), world)
    for fault in (
        *_early_labels(document, loaded),
        *_lonely_models(document, loaded),
        *_text_for_truth(document, loaded),
    ):
        yield replace(fault, warning=True)


def _early_labels(document: Layered, loaded: LoadedSystem) -> Iterator[Fault]:
    system = loaded.system
    for name, training in system.training.items():
        label = training.label
        late = system.sources[label.source].ready.lateness or timedelta(0)
        if label.matures < late:
            yield document.fault_at(
                ("training", name, "label"),
                f"training.{name}: labels are taken for final {write_duration(label.matures)} "
                f"after their time, and rows of {label.source!r} may come {write_duration(late)} "
                "late",
                f"Write 'matures: {write_duration(late)}' or more.",
            )


def _lonely_models(document: Layered, loaded: LoadedSystem) -> Iterator[Fault]:
    system = loaded.system
    if system.registry is not None or system.store is None:
        return
    for section in ("training", "inference"):
        for name in getattr(system, section):
            yield document.fault_at(
                (section, name),
                f"{section}.{name}: its model rests in the default registry, while its store is "
                f"{system.store!r}",
                "Unless the option 'registry' is set, that is a file which only one machine sees. "
                "Name a connection: 'registry: models'.",
                at_key=True,
            )
            return


def _text_for_truth(document: Layered, loaded: LoadedSystem) -> Iterator[Fault]:
    for section in ("features", "training", "inference"):
        for name, entry in getattr(loaded.system, section).items():
            for key, value in entry.params.items():
                where = (section, name, "params", key)
                if isinstance(value, str) and value in {"yes", "no", "on", "off"}:
                    fault = document.fault_at(where, f"{'.'.join(where)}: {value!r} is text here")
                    # Who quotes it knows that.
                    if fault.excerpt[fault.column - 1 :].startswith(value):
                        yield replace(fault, hint="Write true or false, or quote it.")
