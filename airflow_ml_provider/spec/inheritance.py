"""Inheritance: what a system leaves out, from its own ``defaults`` and from files up the tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_ml_provider.spec.document import Document, Loc, read_document, written_at
from airflow_ml_provider.spec.fault import Fault, did_you_mean
from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.folder import DEFAULTS_FILE
from airflow_ml_provider.spec.inference import Inference
from airflow_ml_provider.spec.inputs import note_file
from airflow_ml_provider.spec.profile import (
    PROFILES,
    lay_over,
    misplaced as misplaced_profiles,
    profiles_of,
    unknown_profile,
)
from airflow_ml_provider.spec.section import Section
from airflow_ml_provider.spec.source import Source
from airflow_ml_provider.spec.sql import read_text, unread
from airflow_ml_provider.spec.system import DEFAULTS, System
from airflow_ml_provider.spec.training import Training
from airflow_ml_provider.spec.version import KEY as VERSION, unknown_version
from airflow_ml_provider.spec.world import World

MATRIX = "matrix"
ROOT = "root"

_ENTRIES: dict[str, type[Section]] = {
    "sources": Source,
    "features": Feature,
    "training": Training,
    "inference": Inference,
}
SECTIONS = tuple(_ENTRIES)
_SHARED = tuple(name for name in System.model_fields if name not in {"system", VERSION, *_ENTRIES})
_ACCEPTED = (VERSION, *_SHARED, "sources", DEFAULTS, PROFILES, ROOT)
_IN_A_PROFILE = (*_SHARED, *_ENTRIES, DEFAULTS)


@dataclass(slots=True)
class Layered:
    """
    A system's document over those that it inherits from, nearest first.

    A fault in an inherited value points into the file where that value stands, one in an entry of
    a matrix (``moved``) at the entry that was written.
    """

    document: Document
    inherited: Sequence[Document] = ()
    value: object = None
    faults: list[Fault] = field(default_factory=list)
    moved: dict[Loc, Loc] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    _origins: dict[Loc, tuple[Document, Loc]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The system's own file."""
        return self.document.path

    @property
    def unreadable(self) -> bool:
        """Whether its values say nothing."""
        return self.document.unreadable

    def fault_at(
        self, loc: Sequence[str | int], message: str, hint: str = "", *, at_key: bool = False
    ) -> Fault:
        """Return a fault at the value (or its key) that ``loc`` leads to, as near as it exists."""
        steps = written_at(tuple(loc), self.moved)
        for length in range(len(steps), 0, -1):
            if steps[:length] in self._origins:
                document, base = self._origins[steps[:length]]
                return document.fault_at((*base, *steps[length:]), message, hint, at_key=at_key)
        return self.document.fault_at(steps, message, hint, at_key=at_key)

    def inherit(self, loc: Loc, document: Document, place: Loc) -> None:
        """Note that the value at ``loc`` stands at ``place`` of another document."""
        self._origins[loc] = (document, place)


def layered(document: Document, world: World) -> Layered:
    """Return ``document`` with the active profile laid over it, and what it inherits filled in."""
    above = [] if document.unreadable else list(_above(document.path))
    made = Layered(document, above, document.value)
    _lay_profile(made, world)
    made.faults = [*document.faults, *made.faults]
    for each in above:
        made.faults += [*each.faults, *_misplaced(each)]
    if isinstance(document.value, dict):
        made.faults += _unknown_defaults(document)
        made.value = _filled(made, document.value)
    return made


def _lay_profile(made: Layered, world: World) -> None:
    documents = (made.document, *made.inherited)
    if not any(isinstance(each.value, dict) and PROFILES in each.value for each in documents):
        return
    active = world.profile()
    made.profiles = profiles_of(documents)
    made.faults += unknown_profile(active, documents) if active else ()
    made.faults += misplaced_profiles(made.document, _IN_A_PROFILE)
    for each in made.inherited:
        made.faults += misplaced_profiles(each, (*_SHARED, "sources", DEFAULTS))
    for each in documents:
        lay_over(each, active)


def _above(path: Path) -> Iterator[Document]:
    for folder in path.absolute().parent, *path.absolute().parent.parents:
        file = folder / DEFAULTS_FILE
        if file == path.absolute():
            continue
        if not file.is_file():
            note_file(file, None)
            continue
        found = _read(file)
        strange = unknown_version(found)
        if strange is not None:
            found.faults, found.value, found.unreadable = [strange], None, True
        yield found
        if isinstance(found.value, dict) and found.value.get(ROOT) is True:
            return


_IF_EMPTY = "Write what the systems below share, such as 'owner: team', or remove the file."


def _read(file: Path) -> Document:
    try:
        text = read_text(file)
    except (OSError, ValueError) as error:
        # What cannot be read must not be passed over.
        return Document(file, "", faults=[unread(file, error)], unreadable=True)
    return read_document(file, text, if_empty=_IF_EMPTY)


def _misplaced(document: Document) -> Iterator[Fault]:
    if document.unreadable:
        return
    if not isinstance(document.value, dict):
        yield document.fault_at((), "the file must be a mapping of keys", "Such as 'owner: team'.")
        return
    for key in document.value:
        if key not in _ACCEPTED:
            message = f"{DEFAULTS_FILE}: unknown key {key!r}"
            yield document.fault_at((key,), message, did_you_mean(key, _ACCEPTED), at_key=True)
    if not isinstance(document.value.get("sources", {}), dict):
        hint = "Write 'sources: {NAME: {table: schema.table, time: event_time}}'."
        yield document.fault_at(("sources",), "sources: must be a mapping", hint)
    if not isinstance(document.value.get(ROOT, False), bool):
        hint = "Write 'root: true' where no file further up shall count."
        yield document.fault_at((ROOT,), f"{ROOT}: must be true or false", hint)
    yield from _unknown_defaults(document)


def _unknown_defaults(document: Document) -> Iterator[Fault]:
    assert isinstance(document.value, dict)  # noqa: S101  looked at by both callers
    given = document.value.get(DEFAULTS, {})
    if not isinstance(given, dict):
        yield document.fault_at((DEFAULTS,), f"{DEFAULTS}: must be a mapping", _HINT)
        return
    for section, keys in given.items():
        if section not in _ENTRIES:
            words = f"{DEFAULTS}: unknown key {section!r}"
            hint = did_you_mean(section, _ENTRIES)
            yield document.fault_at((DEFAULTS, section), words, hint, at_key=True)
        elif not isinstance(keys, dict):
            words = f"{DEFAULTS}.{section}: must be a mapping"
            yield document.fault_at((DEFAULTS, section), words, _HINT)
        else:
            yield from _unknown_keys(document, section, keys)


_HINT = "Write keys that its entries have in common, such as 'features: {every: day}'."


def _unknown_keys(document: Document, section: str, keys: Mapping[str, object]) -> Iterator[Fault]:
    fields = _ENTRIES[section].model_fields
    accepted = [*(each.alias or name for name, each in fields.items()), MATRIX]
    for key in keys:
        if key not in accepted:
            words = f"{DEFAULTS}.{section}: unknown key {key!r}"
            hint = did_you_mean(key, accepted)
            yield document.fault_at((DEFAULTS, section, key), words, hint, at_key=True)


def _filled(made: Layered, own: dict[str, Any]) -> dict[str, Any]:
    value = {key: part for key, part in own.items() if key != DEFAULTS}
    for document in made.inherited:
        if isinstance(document.value, dict):
            _take_shared(made, value, document)
    for document in (made.document, *made.inherited):
        if isinstance(document.value, dict):
            _take_keys(made, value, document)
    return value


def _take_shared(made: Layered, value: dict[str, Any], document: Document) -> None:
    assert isinstance(document.value, dict)  # noqa: S101  looked at by the caller
    for key in _SHARED:
        if key in document.value and key not in value:
            value[key] = document.value[key]
            made.inherit((key,), document, (key,))
    theirs, ours = document.value.get("sources"), value.get("sources", {})
    if isinstance(theirs, dict) and isinstance(ours, dict):
        value["sources"] = {**theirs, **ours}
        for name in theirs.keys() - ours.keys():
            made.inherit(("sources", name), document, ("sources", name))


def _take_keys(made: Layered, value: dict[str, Any], document: Document) -> None:
    assert isinstance(document.value, dict)  # noqa: S101  looked at by the caller
    given = document.value.get(DEFAULTS, {})
    for section in _ENTRIES:
        keys = given.get(section) if isinstance(given, dict) else None
        entries = value.get(section)
        if not isinstance(keys, dict) or not isinstance(entries, dict):
            continue
        value[section] = {
            name: _entry(made, document, (section, name), entry, keys)
            for name, entry in entries.items()
        }


def _entry(
    made: Layered, document: Document, loc: Loc, entry: object, keys: dict[str, Any]
) -> object:
    if not isinstance(entry, dict):
        return entry
    for key in keys.keys() - entry.keys():
        made.inherit((*loc, key), document, (DEFAULTS, loc[0], key))
    return {**keys, **entry}
