"""A source: a table that feature pipelines read and do not own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from airflow_ml_provider.spec.scalar import Column, Count, Duration, Table
from airflow_ml_provider.spec.section import Section


class Ready(Section):
    """When the source has everything of a window. All that is written must hold."""

    rows: Count | None = Field(
        default=None, description="So many rows lie inside the window.", examples=[300]
    )
    watermark: Literal["end"] | None = Field(
        default=None,
        description="'end': the newest row of the table has passed the end of the window.",
    )
    lateness: Duration | None = Field(
        default=None,
        description=(
            "How long after its end a window may still receive rows. With 'watermark': when this "
            "is over, a quiet source counts as complete. Alone: wait this long."
        ),
    )


class Source(Section):
    """A table with the column that says when its facts were true."""

    table: Table = Field(description="The table, as 'table' or 'schema.table'.")
    time: Column = Field(description="Its event time: the column that windows are cut by.")
    ready: Ready = Field(default=Ready(), description="What is waited for; nothing when left out.")
