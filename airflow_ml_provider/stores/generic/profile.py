"""A profile: what one engine can do and how it says it, as a value; and what no store can lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.domain.errors import ConfigurationError

STANDARD_TYPES: Mapping[str, str] = {
    "flag": "BOOLEAN",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "whole": "BIGINT",
    "single": "REAL",
    "double": "DOUBLE PRECISION",
    "decimal": "DECIMAL({precision}, {scale})",
    "text": "TEXT",
    "key": "VARCHAR(512)",
    "bytes": "BYTEA",
    "day": "DATE",
    "time": "TIME",
    "moment": "TIMESTAMP",
    "instant": "TIMESTAMP WITH TIME ZONE",
}
STANDARD_CATALOG = (
    "SELECT column_name, data_type, numeric_precision, numeric_scale "
    "FROM information_schema.columns WHERE table_name = $1 AND table_schema = {schema} "
    "ORDER BY ordinal_position"
)
STANDARD_SCHEMAS = "SELECT 1 FROM information_schema.schemata WHERE schema_name = $1"

_ALL = Capabilities()
_WHY = {
    "row_counts": "an UPDATE of one row that is atomic and tells whether it found it: claims are "
    "counted with it, so two attempts could hold the same one",
    "consistent_reads": "a SELECT that sees one moment of the database: readers could see half of "
    "the old partition and half of the new one",
    "empty_text": "text without a letter that is kept apart from NULL: the ledger's keys hold it",
    "unique_keys": "primary keys that are enforced, or transactions: a partition could have two "
    "lines in the ledger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """
    One engine. Whoever knows nothing of it assumes ``UNKNOWN``.

    ``tested``: the conformance suite of the stores has run on it.
    ``types``: its column types by our words; without a word, values of that kind are refused.
    ``catalog``: the SELECT of a table's columns; ``{schema}`` is the schema's bind, or ``here``.
    ``opening``: what is said on every new connection; its time zone must be UTC.
    ``copies``: the statement that makes an empty ``{table}`` like a ``{select}``; without one, the
    values of a SELECT tell its types.
    ``index``: the statement that makes an index; None where there are none.
    ``chunked``: a number that is the same for the same ``{columns}``; without one, batches are not
    split.
    ``addition``: the statement that adds a ``{column}`` of a ``{type}`` to a ``{table}``.
    ``true``, ``false``: how it writes them. ``spans``: whether a span of time is bound as a
    number of microseconds.
    """

    engine: str
    tested: bool = False
    capabilities: Capabilities = _ALL
    types: Mapping[str, str]
    catalog: str = STANDARD_CATALOG
    schemas: str = STANDARD_SCHEMAS
    here: str = "CURRENT_SCHEMA"
    opening: tuple[str, ...] = ()
    now: str = "CURRENT_TIMESTAMP"
    later: str = "CURRENT_TIMESTAMP + {seconds} * INTERVAL '1' SECOND"
    earlier: str = "{moment} - {span}"
    spans: bool = False
    copies: str | None = "CREATE TABLE {table} AS SELECT * FROM {select} WHERE 1 = 0"
    addition: str = "ALTER TABLE {table} ADD COLUMN {column} {type}"
    index: str | None = "CREATE INDEX {name} ON {table} ({columns})"
    chunked: str | None = None
    true: str = "TRUE"
    false: str = "FALSE"

    def known_as(self, changed: Mapping[str, Any]) -> Profile:
        """
        Return the profile with the capabilities that a person knows better.

        :raises ConfigurationError: for one that does not exist or is no yes or no.
        """
        # New versions are made by stores of their own, whatever the engine could do.
        known = [each.name for each in fields(Capabilities) if each.name != "new_versions"]
        unknown = sorted(set(changed) - set(known))
        if unknown:
            msg = f"'ml_store' names {unknown}, which are no capabilities. They are {known}."
            raise ConfigurationError(msg)
        vague = [name for name, value in changed.items() if not isinstance(value, bool)]
        if vague:
            msg = f"'ml_store' must say true or false of {vague}."
            raise ConfigurationError(msg)
        return replace(self, capabilities=replace(self.capabilities, **changed))

    def require_enough(self) -> None:
        """
        Return when a store can be kept on the engine.

        :raises ConfigurationError: naming each capability that it lacks.
        """
        lacking = [
            name
            for name in ("row_counts", "consistent_reads", "empty_text")
            if not getattr(self.capabilities, name)
        ]
        if not (self.capabilities.unique_keys or self.capabilities.transactions):
            lacking.append("unique_keys")
        if lacking:
            raise ConfigurationError(refused(self.engine, lacking))


def refused(engine: str, lacking: list[str]) -> str:
    """Return the sentence that refuses an engine, by the names of what it lacks."""
    reasons = "; ".join(f"'{name}' ({_WHY.get(name, 'it was tried')})" for name in lacking)
    return (
        f"{engine} cannot be a store, because it lacks {reasons}. Nothing was read or written. Use "
        "a store of type 'postgres', 'mysql', 'duckdb', 'sqlite', 'delta', 'iceberg' or "
        "'parquet', or, where the engine does have it, say so in the connection's extra: "
        f'{{"ml_store": {{"{lacking[0]}": true}}}}.'
    )
