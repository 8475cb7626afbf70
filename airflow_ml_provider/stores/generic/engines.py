"""Engines: the profiles of those that are known, by the type of their Airflow connection."""

from __future__ import annotations

from airflow_ml_provider.domain.capabilities import Capabilities
from airflow_ml_provider.stores.generic.profile import STANDARD_TYPES, Profile

# Beside each: where what it says comes from. Only an engine on which the conformance suite has
# run is 'tested'.
KNOWN: dict[str, Profile] = {
    # Run by the conformance suite, over psycopg 3.
    "postgres": Profile(
        engine="PostgreSQL",
        tested=True,
        types={**STANDARD_TYPES, "key": "TEXT"},
        here="current_schema()",
        opening=("SET TIME ZONE 'UTC'",),
        now="CAST(now() AS TIMESTAMP)",
        later="CAST(now() AS TIMESTAMP) + {seconds} * INTERVAL '1 second'",
        chunked="(hash_record_extended(ROW({columns}), 7919) & 9223372036854775807)",
    ),
    # Amazon Redshift, Database Developer Guide: constraints are informational, isolation is
    # serializable or snapshot, an UPDATE locks the table, CREATE TABLE may be rolled back, there
    # are no indexes and no type without a length for text.
    "redshift": Profile(
        engine="Redshift",
        capabilities=Capabilities(unique_keys=False, row_lock=False),
        types={**STANDARD_TYPES, "text": "VARCHAR(65535)", "bytes": "VARBYTE(65535)"},
        here="current_schema()",
        opening=("SET TIMEZONE TO 'UTC'",),
        now="CAST(GETDATE() AS TIMESTAMP)",
        later="DATEADD(second, CAST({seconds} AS INTEGER), CAST(GETDATE() AS TIMESTAMP))",
        earlier="DATEADD(microsecond, -{span}, {moment})",
        spans=True,
        index=None,
        chunked="ABS(FNV_HASH({columns}) / 2)",
    ),
    # Snowflake's reference: constraints are not enforced (but on hybrid tables), a DML statement
    # locks what it changes, DDL commits, statements read what was committed when they began.
    "snowflake": Profile(
        engine="Snowflake",
        capabilities=Capabilities(unique_keys=False, row_lock=False, ddl_in_transaction=False),
        types={
            **{name: kind for name, kind in STANDARD_TYPES.items() if name != "single"},
            "double": "FLOAT",
            "bytes": "BINARY",
            "moment": "TIMESTAMP_NTZ(6)",
            "instant": "TIMESTAMP_TZ(6)",
        },
        here="CURRENT_SCHEMA()",
        opening=("ALTER SESSION SET TIMEZONE = 'UTC'",),
        now="CAST(SYSDATE() AS TIMESTAMP_NTZ)",
        later="DATEADD(second, {seconds}, CAST(SYSDATE() AS TIMESTAMP_NTZ))",
        earlier="DATEADD(microsecond, -{span}, {moment})",
        spans=True,
        index=None,
        chunked="ABS(HASH({columns}) / 2)",
    ),
    # Microsoft's documentation of SQL Server: without READ_COMMITTED_SNAPSHOT readers see rows
    # that were changed after they began. Say "consistent_reads": true where it is on.
    "mssql": Profile(
        engine="SQL Server",
        capabilities=Capabilities(consistent_reads=False, nan=False, infinity=False),
        types={
            **STANDARD_TYPES,
            "flag": "BIT",
            "double": "FLOAT(53)",
            "text": "NVARCHAR(MAX)",
            "key": "NVARCHAR(128)",
            "bytes": "VARBINARY(MAX)",
            "time": "TIME(6)",
            "moment": "DATETIME2(6)",
            "instant": "DATETIMEOFFSET(6)",
        },
        here="SCHEMA_NAME()",
        now="SYSUTCDATETIME()",
        later="DATEADD(second, {seconds}, SYSUTCDATETIME())",
        earlier="DATEADD(microsecond, -{span}, {moment})",
        spans=True,
        addition="ALTER TABLE {table} ADD {column} {type}",
        copies="SELECT * INTO {table} FROM {select} WHERE 1 = 0",
        chunked="ABS(CAST(BINARY_CHECKSUM({columns}) AS BIGINT))",
        true="1",
        false="0",
    ),
    # Trino's documentation: transactions and keys are the connector's; most have neither.
    "trino": Profile(
        engine="Trino",
        capabilities=Capabilities(
            transactions=False, unique_keys=False, consistent_reads=False, row_lock=False
        ),
        types=STANDARD_TYPES,
    ),
    # ClickHouse's documentation: an UPDATE is a mutation in the background, without a row count.
    "clickhouse": Profile(
        engine="ClickHouse",
        capabilities=Capabilities(
            transactions=False, row_counts=False, unique_keys=False, consistent_reads=False
        ),
        types=STANDARD_TYPES,
    ),
    # Google's documentation of BigQuery: keys are not enforced, and statements of a session are
    # a transaction only in scripts, which its DB-API does not write.
    "gcpbigquery": Profile(
        engine="BigQuery",
        capabilities=Capabilities(transactions=False, unique_keys=False),
        types=STANDARD_TYPES,
    ),
    # Oracle's SQL reference: empty text is NULL, which the ledger's keys cannot be.
    "oracle": Profile(
        engine="Oracle",
        capabilities=Capabilities(empty_text=False, ddl_in_transaction=False),
        types=STANDARD_TYPES,
    ),
}


def unknown(conn_type: str) -> Profile:
    """
    Return what is assumed of an engine that nobody has described.

    Its rows are kept in versions, for which it needs no transaction. What it needs is tried when
    the store is opened, but for consistent reads, which nobody can try: a person has to vouch for
    them.
    """
    return Profile(
        engine=f"An engine of connection type {conn_type!r}",
        capabilities=Capabilities(
            transactions=False,
            consistent_reads=False,
            row_lock=False,
            ddl_in_transaction=False,
            nan=False,
            infinity=False,
        ),
        types=STANDARD_TYPES,
        copies=None,
    )


def profile_of(conn_type: str) -> Profile:
    """Return the profile of a connection type."""
    return KNOWN.get(conn_type) or unknown(conn_type)
