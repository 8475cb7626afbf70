"""A matrix: one entry of a section that stands for several, one for each choice of values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, cast

from airflow_ml_provider.spec.document import Loc, shown
from airflow_ml_provider.spec.fault import Fault, did_you_mean, dotted
from airflow_ml_provider.spec.inheritance import MATRIX, SECTIONS, Layered

MAX_MADE = 500
MAX_VALUES = 50_000

_AXIS = re.compile(r"[a-z][a-z0-9_]*")
_REFERENCE = re.compile(r"\$\{matrix:([^}]*)\}")
_LONGEST = 63
_HINT = "Write values by name, such as {region: [eu, us]}, and use one as ${matrix:region}."

Choice = Mapping[str, object]


def expand(document: Layered) -> None:
    """
    Put into ``document``, for each entry with a matrix, those that it stands for.

    Faults of theirs point at the entry that was written. How much a file may make is bounded.
    """
    if not isinstance(document.value, dict):
        return
    expansion = _Expansion(document)
    for section in SECTIONS:
        entries = document.value.get(section)
        if isinstance(entries, dict):
            document.value[section] = expansion.section(section, entries)


@dataclass(slots=True)
class _Expansion:
    """The entries made for one document, and what is left of its bounds."""

    document: Layered
    made: int = 0
    values: int = 0

    def section(self, section: str, entries: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entries of a section with each matrix expanded, in their order."""
        plain = {name for name, entry in entries.items() if not _is_group(entry)}
        found: dict[str, Any] = {}
        for name, entry in entries.items():
            loc = (section, name)
            if not _is_group(entry):
                self._refuse_references(loc, entry)
                found[name] = entry
                continue
            for made, value in self._group(loc, entry):
                if made in found or made in plain:
                    self._clash(loc, made)
                    break
                found[made] = value
                self.document.moved[section, made] = loc
        return found

    def _group(self, loc: Loc, entry: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        axes = entry[MATRIX]
        faults = list(self._axis_faults(loc, axes)) or list(self._too_many(loc, entry, axes))
        body = {key: value for key, value in entry.items() if key != MATRIX}
        faults = faults or list(self._unknown(loc, body, axes))
        self.document.faults += faults
        if faults:
            return
        for values in product(*axes.values()):
            choice = dict(zip(axes, values, strict=True))
            yield _name(str(loc[1]), choice), cast("dict[str, Any]", _filled(body, choice))

    def _axis_faults(self, loc: Loc, axes: object) -> Iterator[Fault]:
        place = (*loc, MATRIX)
        if not isinstance(axes, dict) or not axes:
            yield self._fault(place, f"must be a mapping of lists, got {shown(axes)}", _HINT)
            return
        for axis, values in axes.items():
            if not _AXIS.fullmatch(axis):
                words = f"must be called by a lower-case name, not {shown(axis)}"
                yield self._fault((*place, axis), words, _HINT, at_key=True)
            elif not isinstance(values, list) or not values:
                words = f"{axis} must be a list of at least one value"
                yield self._fault((*place, axis), words, _HINT)
            else:
                yield from self._value_faults((*place, axis), values)

    def _value_faults(self, place: Loc, values: list[object]) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, value in enumerate(values):
            if not isinstance(value, str | int | float) or not 0 < len(_text(value)) <= _LONGEST:
                words = f"must hold short texts or numbers, got {shown(value)}"
                yield self._fault((*place, index), words, "Write plain values: [eu, us].")
            elif _text(value) in seen:
                words = f"has {shown(value)} twice"
                yield self._fault((*place, index), words, "Keep one of them.")
            else:
                seen.add(_text(value))

    def _too_many(
        self, loc: Loc, entry: dict[str, Any], axes: Mapping[str, list[object]]
    ) -> Iterator[Fault]:
        count = prod(map(len, axes.values()))
        self.made += count
        self.values += count * _size(entry)
        if self.made > MAX_MADE:
            words = f"would make {count:,} entries; a file may make {MAX_MADE} of them"
        elif self.values > MAX_VALUES:
            words = f"would make {self.values:,} values; a file may make {MAX_VALUES:,} of them"
        else:
            return
        yield self._fault((*loc, MATRIX), words, "Spread the pipelines over several systems.")

    def _unknown(
        self, loc: Loc, entry: Mapping[str, Any], axes: Mapping[str, object]
    ) -> Iterator[Fault]:
        for place, axis, at_key in _used(loc, entry):
            if axis not in axes:
                words = f"names no value of the matrix: '${{matrix:{axis}}}'"
                yield self._fault(place, words, did_you_mean(axis, axes), at_key=at_key)

    def _refuse_references(self, loc: Loc, entry: object) -> None:
        for place, axis, at_key in _used(loc, entry):
            words = f"has no matrix, and uses '${{matrix:{axis}}}'"
            hint = f"Add one: 'matrix: {{{axis}: [...]}}'."
            self.document.faults.append(self._fault(place, words, hint, at_key=at_key))

    def _clash(self, loc: Loc, made: str) -> None:
        words = f"the matrix makes {made!r}, and there is one of that name"
        hint = "Name every value in the key of the entry, such as spend_${matrix:region}."
        self.document.faults.append(self._fault(loc, words, hint, at_key=True))

    def _fault(self, place: Loc, message: str, hint: str, *, at_key: bool = False) -> Fault:
        where = dotted([str(step) for step in place[:3]])
        return self.document.fault_at(place, f"{where}: {message}", hint, at_key=at_key)


def _is_group(entry: object) -> bool:
    return isinstance(entry, dict) and MATRIX in entry


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(written: str, choice: Choice) -> str:
    if _REFERENCE.search(written):
        return str(_put_in(written, choice))
    return "_".join((written, *map(_text, choice.values())))


def _filled(value: object, choice: Choice) -> object:
    if isinstance(value, str):
        return _put_in(value, choice)
    if isinstance(value, list):
        return [_filled(item, choice) for item in value]
    if isinstance(value, dict):
        return {str(_put_in(key, choice)): _filled(item, choice) for key, item in value.items()}
    return value


def _put_in(text: str, choice: Choice) -> object:
    if "${matrix:" not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    # Alone, a value keeps its type: a number stays a number.
    return choice[whole[1]] if whole else _REFERENCE.sub(lambda m: _text(choice[m[1]]), text)


def _used(loc: Loc, value: object) -> Iterator[tuple[Loc, str, bool]]:
    """Yield each place at which a value of the matrix is used, its name, and whether in a key."""
    for axis in dict.fromkeys(_REFERENCE.findall(str(loc[-1]))):
        yield loc, axis, True
    if isinstance(value, str):
        for axis in dict.fromkeys(_REFERENCE.findall(value)):
            yield loc, axis, False
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _used((*loc, index), item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _used((*loc, key), item)


def _size(value: object) -> int:
    if isinstance(value, list | dict):
        items = value.values() if isinstance(value, dict) else value
        return 1 + sum(map(_size, items))
    return 1
