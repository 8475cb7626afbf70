"""A profile: what differs between dev and prod, laid over what a file says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_ml_provider.spec.document import Document, Loc
from airflow_ml_provider.spec.fault import Fault, did_you_mean

PROFILES = "profiles"

_HINT = "Write what differs, by name, such as '{dev: {store: scratch}, prod: {retries: 5}}'."


def profiles_of(documents: Iterable[Document]) -> tuple[str, ...]:
    """Return the names of the profiles that ``documents`` declare, each once."""
    found = (each.value.get(PROFILES) for each in documents if isinstance(each.value, dict))
    return tuple(dict.fromkeys(name for each in found if isinstance(each, dict) for name in each))


def unknown_profile(active: str, documents: Iterable[Document]) -> Iterator[Fault]:
    """Yield a fault at the nearest declaration when none has the profile that is active."""
    declaring = [
        each for each in documents if isinstance(each.value, dict) and each.value.get(PROFILES)
    ]
    known = profiles_of(declaring)
    if known and active not in known:
        words = f"{PROFILES}: there is no profile {active!r}, which is the active one"
        hint = (
            f"{did_you_mean(active, known)} It is chosen by --profile, or by the option profile "
            "of section [airflow_ml]."
        )
        yield declaring[0].fault_at((PROFILES,), words, hint, at_key=True)


def misplaced(document: Document, accepted: Iterable[str]) -> Iterator[Fault]:
    """Yield what is wrong with the profiles of ``document`` whichever of them is active."""
    given = document.value.get(PROFILES, {}) if isinstance(document.value, dict) else {}
    if not isinstance(given, dict):
        yield document.fault_at((PROFILES,), f"{PROFILES}: must be a mapping", _HINT)
        return
    for name, keys in given.items():
        if not isinstance(keys, dict):
            words = f"{PROFILES}.{name}: must be a mapping"
            yield document.fault_at((PROFILES, name), words, _HINT)
            continue
        for key in keys:
            if key not in accepted:
                words = f"{PROFILES}.{name}: unknown key {key!r}"
                hint = did_you_mean(key, accepted)
                yield document.fault_at((PROFILES, name, key), words, hint, at_key=True)


def lay_over(document: Document, active: str | None) -> None:
    """
    Lay the profile ``active`` over the other keys of ``document``; profiles themselves go away.

    Mappings are merged key by key, all else is replaced.
    """
    if not isinstance(document.value, dict) or PROFILES not in document.value:
        return
    base = {key: value for key, value in document.value.items() if key != PROFILES}
    declared = document.value[PROFILES]
    chosen = declared.get(active) if isinstance(declared, dict) else None
    moved: dict[Loc, Loc] = {}
    if isinstance(chosen, dict):
        base = _merged(base, chosen, (), (PROFILES, str(active)), moved)
    document.value, document.moved = base, moved


def _merged(
    base: Mapping[str, Any], over: Mapping[str, Any], loc: Loc, place: Loc, moved: dict[Loc, Loc]
) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        here, there = (*loc, key), (*place, key)
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value, here, there, moved)
        else:
            merged[key] = value
            moved[here] = there
    return merged
