"""An order: what is asked of one write, and the words in which its end is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.ledger import Change, Claim, Line, Recipe
from airflow_ml_provider.domain.schema import SchemaPolicy
from airflow_ml_provider.domain.table import Slice, TableName
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.stores.sql.content import Content


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of ``Store.replace``, as one value, but for the rows."""

    claim: Claim
    owned: Slice
    window: Window | None
    recipe: Recipe
    expectations: Expectations
    at: datetime
    schema: SchemaPolicy = SchemaPolicy.FAIL

    def line_after(self, line: Line, content: Content, change: Change) -> Line:
        """Return the ledger's line as the commit leaves it."""
        token, changed = self.claim.token, change is Change.WRITTEN
        return replace(
            line,
            committed_token=token,
            committed_at=self.at,
            changed_token=token if changed else line.changed_token,
            changed_at=self.at if changed else line.changed_at,
            start=self.window.start if self.window else None,
            end=self.window.end if self.window else None,
            rows=content.rows,
            content_hash=content.hash,
            schema_hash=content.schema,
            recipe=self.recipe,
        )


def fenced(claim: Claim, line: Line | None) -> str:
    """Return the sentence that stops an attempt after a newer claim."""
    newer = f" by {line.owner} (token {line.token})" if line else ""
    return (
        f"{claim.table} {claim.key} was claimed{newer} after this attempt, {claim.owner} (token "
        f"{claim.token}). This attempt has changed nothing and must stop; the newer one goes on."
    )


def former(line: Line | None) -> tuple[str, ...]:
    """Return the hash of the columns under which a partition was written, if it was."""
    return () if line is None or line.schema_hash is None else (line.schema_hash,)


def difference(
    line: Line,
    content: Content,
    added: Sequence[str] = (),
    aside: tuple[TableName, str] | None = None,
) -> str:
    """Return the sentence that tells what a write has changed."""
    if aside:
        name, change = aside
        return f"{content.rows:,} rows of a new version, the one of before is {name}: {change}"
    if added:
        return f"{content.rows:,} rows, and the table has gained {', '.join(map(repr, added))}"
    if not line.committed:
        return f"the first {content.rows:,} rows"
    if line.content_hash == content.hash:
        return f"the table did not hold the {content.rows:,} rows of the ledger any more"
    return f"{content.rows:,} rows with other content, {line.rows or 0:,} before"
