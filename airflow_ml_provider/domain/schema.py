"""A schema policy: what becomes of rows whose columns are not those of their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import count

from airflow_ml_provider.domain.errors import ConfigurationError, SchemaMismatchError
from airflow_ml_provider.domain.table import TableName


class SchemaPolicy(StrEnum):
    """
    What a write does with rows that have other columns than their table.

    FAIL: refuse them. ADD_COLUMNS: add what the table lacks, as columns that may be NULL.
    NEW_VERSION: set the table aside under another name, and begin it anew with the rows.
    """

    FAIL = "fail"
    ADD_COLUMNS = "add_columns"
    NEW_VERSION = "new_version"


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


def aside(table: TableName, takes: Callable[[TableName], bool | None]) -> TableName:
    """
    Return the first name of the form ``table__v1`` under which no version was set aside yet.

    ``takes`` says whether the version of a name would take the rows, and None when there is none.

    :raises SchemaMismatchError: when one would: its columns are the past, which does not return
        because an old task is run again.
    """
    for number in count(1):
        name = TableName(table.schema, f"{table.name}__v{number}")
        taken = takes(name)
        if taken is None:
            return name
        if taken:
            msg = (
                f"The rows have the columns of {name}, an earlier version of {table} that was set "
                "aside. Nothing was written. Run the code of today; to go back to those columns, "
                f"give the result a table of its own, or drop {name}."
            )
            raise SchemaMismatchError(msg)
    raise AssertionError  # the numbers do not end


NO_VERSION_CURE = (
    "Write 'schema: fail' or 'schema: add_columns', and give a changed result a table of its own."
)


def require_no_version(policy: SchemaPolicy, address: str) -> None:
    """
    Return unless a store is asked for versions, of which it is one that cannot make them.

    :raises ConfigurationError: saying so, and what to do instead.
    """
    if policy is SchemaPolicy.NEW_VERSION:
        msg = (
            f"'schema: new_version' is not offered by {address}, where a table is not renamed in "
            f"the transaction that fills its successor. Nothing was written. {NO_VERSION_CURE}"
        )
        raise ConfigurationError(msg)


def _cure(found: Difference, policy: SchemaPolicy) -> str:
    if policy is SchemaPolicy.ADD_COLUMNS:
        return ", for 'schema: add_columns' adds columns and leaves none out"
    other = ", or give the changed result a table of its own, as 'schema: new_version' does"
    if found.only_more:
        return f", let 'schema: add_columns' add the new columns{other}"
    return other


def _suggest(column: str, candidates: Sequence[str]) -> str:
    close = get_close_matches(column, candidates, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
