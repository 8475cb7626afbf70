"""A difference: two sets of pipelines, what was changed from one to the other, what goes stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from airflow_ml_provider.domain.pipeline import FeatureView, TrainedModel
from airflow_ml_provider.factory.facts import Facts


class State(StrEnum):
    """What became of a pipeline; ``TOUCHED``: it is as it was, and reads one that is not."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    TOUCHED = "touched"


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that is another one now; None: there was none, or is none any more."""

    fact: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """
    What a change does to that which was made before.

    ``remade``: partitions or versions are made again; ``inherited``: because an input's are.
    """

    said: str
    remade: bool = True
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one pipeline, and what that does to what it has made."""

    state: State
    facts: Facts
    changes: tuple[Change, ...] = ()
    effects: tuple[Effect, ...] = ()


def differences(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> list[Difference]:
    """Return what is not as it was, in the order of the new pipelines, the removed ones last."""
    found = [_compared(old.get(name), facts) for name, facts in new.items()]
    restated: frozenset[str] = frozenset()
    # Features may read features, so a change is handed on until nobody new is reached.
    while restated != (reached := frozenset(filter(None, map(_restates, found)))):
        restated = reached
        found = [_handed_on(each, restated) for each in found]
    removed = [Difference(State.REMOVED, facts) for name, facts in old.items() if name not in new]
    return [
        each for each in found if each.state is State.ADDED or each.changes or each.effects
    ] + removed


def _compared(old: Facts | None, new: Facts) -> Difference:
    if old is None:
        return Difference(State.ADDED, new)
    changes = tuple(
        Change(name, old.said.get(name), new.said.get(name))
        for name in dict.fromkeys([*old.said, *new.said])
        if old.said.get(name) != new.said.get(name)
    )
    state = State.CHANGED if changes else State.TOUCHED
    return Difference(state, new, changes, tuple(_effects(old, new)))


def _effects(old: Facts, new: Facts) -> Iterator[Effect]:
    if old.kind != new.kind:
        yield Effect(f"it was declared under {old.kind} and is another pipeline now")
    elif isinstance(new.pipeline, TrainedModel):
        yield from _on_versions(old, new, new.pipeline)
    else:
        yield from _on_partitions(old, new)


def _on_partitions(old: Facts, new: Facts) -> Iterator[Effect]:
    elsewhere = [key for key in ("table", "every", "store") if old.said[key] != new.said[key]]
    if elsewhere:
        yield Effect(f"every partition is computed anew: another {_and(elsewhere)}")
        return
    why = [key for key in new.recipe if old.recipe[key] != new.recipe[key]]
    why += ["inputs"] if old.inputs != new.inputs else []
    if why:
        yield Effect(f"its partitions are computed again when their runs are: other {_and(why)}")
    if old.said["start"] != new.said["start"]:
        yield Effect("windows between the two starts are made by a backfill alone", remade=False)


def _on_versions(old: Facts, new: Facts, model: TrainedModel) -> Iterator[Effect]:
    for key, counts in (("code", model.retrain.code), ("config", model.retrain.config)):
        if old.recipe[key] != new.recipe[key]:
            trains = f"stale by {key}: the next check of its staleness trains it"
            rests = f"not trained for that: 'retrain' does not name {key}"
            yield Effect(trains if counts else rests, remade=counts)


def _restates(difference: Difference) -> str | None:
    """Return the table of features whose content may be another one soon."""
    pipeline = difference.facts.pipeline
    if isinstance(pipeline, FeatureView) and any(each.remade for each in difference.effects):
        return str(pipeline.table)
    return None


def _handed_on(difference: Difference, restated: frozenset[str]) -> Difference:
    through = sorted(difference.facts.inputs & restated)
    pipeline = difference.facts.pipeline
    deaf = isinstance(pipeline, TrainedModel) and not pipeline.retrain.restated
    if not through or deaf or difference.state is State.ADDED:
        return difference
    again = (
        "it is trained" if isinstance(pipeline, TrainedModel) else "its partitions are computed"
    )
    said = f"{again} again where the content of {_and(through)} comes out different"
    own = [effect for effect in difference.effects if not effect.inherited]
    return replace(difference, effects=(*own, Effect(said, inherited=True)))


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
