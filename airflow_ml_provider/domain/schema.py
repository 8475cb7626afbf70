"""A schema policy: what becomes of rows whose columns are not those of their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from airflow_ml_provider.domain.errors import SchemaMismatchError


class SchemaPolicy(StrEnum):
    """
    What a write does with rows that have other columns than their table.

    FAIL: refuse them. ADD_COLUMNS: add what the table lacks, as columns that may be NULL.
    """

    FAIL = "fail"
    ADD_COLUMNS = "add_columns"


@dataclass(frozen=True, slots=True)
class Difference:
    """How the columns of rows differ from those of their table; their order does not count."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    twice: tuple[str, ...]

    @property
    def none(self) -> bool:
        """Whether the rows fit."""
        return not (self.missing or self.unknown or self.twice)

    @property
    def only_more(self) -> bool:
        """Whether the rows would fit if the table had a few more columns."""
        return bool(self.unknown) and not (self.missing or self.twice)

    def __str__(self) -> str:
        faults = [f"column {column!r} is missing" for column in self.missing]
        faults += [
            f"column {column!r} is unknown{_suggest(column, self.missing)}"
            for column in self.unknown
        ]
        faults += [f"column {column!r} comes twice" for column in self.twice]
        return "; ".join(faults)


def difference(target: Sequence[str], given: Sequence[str]) -> Difference:
    """Return how the columns ``given`` differ from those of the ``target``."""
    return Difference(
        missing=tuple(column for column in target if column not in given),
        unknown=tuple(column for column in given if column not in target),
        twice=tuple(sorted({column for column in given if given.count(column) > 1})),
    )


def added_columns(
    target: Sequence[str], given: Sequence[str], policy: SchemaPolicy, *, table: str
) -> tuple[str, ...]:
    """
    Return the columns that the table must be given before it can take the rows; mostly none.

    A column that the rows lack is never filled in: it would turn into NULL in silence.

    :raises SchemaMismatchError: naming every column that is in the way, and what to do about it.
    """
    found = difference(target, given)
    if found.none:
        return ()
    if policy is SchemaPolicy.ADD_COLUMNS and found.only_more:
        return found.unknown
    msg = (
        f"The rows do not fit table {table}: {found}. Nothing was written. Return exactly "
        f"{list(target)}{_cure(found, policy)}."
    )
    raise SchemaMismatchError(msg)


def _cure(found: Difference, policy: SchemaPolicy) -> str:
    if policy is SchemaPolicy.ADD_COLUMNS:
        return ", for 'schema: add_columns' adds columns and leaves none out"
    other = ", or give the changed result a table of its own"
    if found.only_more:
        return f", let 'schema: add_columns' add the new columns{other}"
    return other


def _suggest(column: str, candidates: Sequence[str]) -> str:
    close = get_close_matches(column, candidates, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
