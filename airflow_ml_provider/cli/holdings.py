"""Holdings: how much of what a ledger has is made again after a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.pipeline import TrainedModel

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ledger import Line
    from airflow_ml_provider.domain.ports import Ledger
    from airflow_ml_provider.factory.difference import Difference
    from airflow_ml_provider.factory.facts import Facts


def counted(found: Sequence[Difference]) -> dict[str, str]:
    """Return a sentence for each pipeline; each store is opened once, and one that is down told."""
    from airflow_ml_provider.hooks.store import open_store

    sentences: dict[str, str] = {}
    ordered = sorted(found, key=lambda each: each.facts.store or "")
    for conn_id, group in groupby(ordered, key=lambda each: each.facts.store):
        members = list(group)
        try:
            with open_store(conn_id) as store:
                sentences |= {
                    each.facts.name: " ".join(_sentences(store.ledger, each)) for each in members
                }
        except MLProviderError as error:
            sentences |= {each.facts.name: f"not counted: {error}" for each in members}
    return sentences


def _sentences(ledger: Ledger, difference: Difference) -> Iterator[str]:
    facts = difference.facts
    if isinstance(facts.pipeline, TrainedModel):
        yield _versions(ledger, facts, facts.pipeline)
        return
    lines = [line for line in ledger.lines(facts.pipeline.table) if line.recipe]
    if difference.state == "removed":
        yield f"{len(lines)} partitions stay in {facts.pipeline.table}: nothing deletes them"
        return
    if not lines:
        yield "nothing is committed yet"
        return
    stale = [line for line in lines if _differs(line, facts)]
    yield f"{len(stale)} of {len(lines)} committed partitions have another recipe"
    if stale:
        yield f"({stale[0].key} to {stale[-1].key})"
    if any(effect.inherited for effect in difference.effects):
        yield f"and {len(lines) - len(stale)} more wait for their inputs"


def _differs(line: Line, facts: Facts) -> bool:
    made = line.recipe
    assert made is not None  # noqa: S101  such lines are left out by the caller
    read = {name for name in made.inputs if not name.startswith("model ")}
    tables = {name.partition("/")[0] for name in read}
    return (made.code, made.params) != (facts.recipe["code"], facts.recipe["params"]) or (
        tables != facts.inputs
    )


def _versions(ledger: Ledger, facts: Facts, model: TrainedModel) -> str:
    reigns = ledger.reigns(model.name, "champion")
    if not reigns:
        return "there is no champion yet"
    version = reigns[-1].version
    made = [t.snapshot for t in ledger.trainings(model.name) if t.snapshot.version == version]
    now = (facts.recipe["code"], facts.recipe["config"])
    same = bool(made) and (made[-1].code, made[-1].config) == now
    return f"champion version {version} was trained with {'the same' if same else 'other'} words"
