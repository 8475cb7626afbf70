"""What PostgreSQL says differently from other SQL databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from airflow_ml_provider.domain.ports import Column
from airflow_ml_provider.stores.connection.dialect import StandardDialect
from airflow_ml_provider.stores.connection.session import AsOf
from airflow_ml_provider.stores.connection.statement import quoted

# The hash of NULL is 0 and that of the double 0.0 is the seed, so the seed must be another number.
_SEED = 7_046_029_254_386_353_131
# Types without a hash of their own are hashed as their text.
_UNHASHED = {
    "bit",
    "bit varying",
    "box",
    "circle",
    "json",
    "jsonpath",
    "line",
    "lseg",
    "money",
    "path",
    "pg_snapshot",
    "point",
    "polygon",
    "refcursor",
    "tsquery",
    "tsvector",
    "txid_snapshot",
    "xml",
}


class PostgresDialect(StandardDialect):
    """The dialect of a server, whose major version is asked for when it is needed."""

    def __init__(self, major: Callable[[], int]) -> None:
        self._major = major

    @cached_property
    def algorithm(self) -> str:
        """The hash functions may change with a major version, so its number belongs to them."""
        return f"postgres{self._major()}"

    def row_hash(self, columns: Sequence[Column]) -> str:
        """Return the engine's own hash of the columns as one record, hashed once more."""
        # The hash of a record is a weighted sum of those of its columns.
        record = f"hash_record_extended(ROW({', '.join(map(_hashable, columns))}), {_SEED})"
        return f"hashint8extended({record}, {_SEED})"

    def positive(self, number: str) -> str:
        """Return a hash without its sign bit."""
        return f"({number} & 9223372036854775807)"

    def newest(self, join: AsOf) -> str:
        """Return a lateral join: one index look-up a row, where there is an index."""
        keys = [f"{ours} = candidate.{theirs}" for ours, theirs in join.keys]
        where = " AND ".join([*keys, f"candidate.{join.time} <= {join.moment}"])
        return (
            f"LEFT JOIN LATERAL (SELECT * FROM {join.table} AS candidate WHERE {where} "
            f"ORDER BY candidate.{join.time} DESC LIMIT 1) AS {join.alias} ON TRUE"
        )


def _hashable(column: Column) -> str:
    kind = column.type.removesuffix("[]").partition("(")[0]
    return f"{quoted(column.name)}::text" if kind in _UNHASHED else quoted(column.name)
