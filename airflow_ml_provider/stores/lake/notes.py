"""A note: the ledger's line as a lake's own commit carries it, where it is the truth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from airflow_ml_provider.domain.ledger import Line, Recipe
from airflow_ml_provider.domain.table import TableName

_MOMENTS = ("claimed_at", "committed_at", "changed_at", "start", "end")


@dataclass(frozen=True, slots=True)
class Note:
    """
    What a commit says of its partition.

    ``attempt`` names one run of one write: a claim may write more than once, and whoever lost the
    answer to a commit knows his own by it.
    """

    attempt: str
    line: Line
    change: str
    reason: str

    @property
    def key(self) -> str:
        """The partition."""
        return self.line.key

    @property
    def token(self) -> int:
        """The claim that committed."""
        return self.line.committed_token or 0

    def text(self) -> str:
        """Return the note as JSON."""
        facts: dict[str, Any] = asdict(self)
        for name in _MOMENTS:
            moment = facts["line"][name]
            facts["line"][name] = None if moment is None else moment.isoformat()
        return json.dumps(facts, sort_keys=True)

    @classmethod
    def read(cls, text: str) -> Note:
        """Return the note that ``text`` is."""
        facts: dict[str, Any] = json.loads(text)
        line = facts.pop("line")
        for name in _MOMENTS:
            line[name] = None if line[name] is None else datetime.fromisoformat(line[name])
        table, recipe = line.pop("table"), line.pop("recipe")
        made = None if recipe is None else Recipe(**recipe)
        return cls(line=Line(table=TableName(**table), recipe=made, **line), **facts)
