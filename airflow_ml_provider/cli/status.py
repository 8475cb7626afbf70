"""Status: one line a pipeline, from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_ml_provider.cli.story import failure_of, when
from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.pipeline import TrainedModel

if TYPE_CHECKING:
    from rich.table import Table

    from airflow_ml_provider.domain.ports import Ledger
    from airflow_ml_provider.spec.catalog import Entry

_COLUMNS = ("pipeline", "kind", "committed", "latest", "rows", "what is known")


def table(entries: Sequence[Entry]) -> Table:
    """Return a row for each pipeline; each store is opened once, and one that is down is named."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in _COLUMNS:
        number = name in {"committed", "rows"}
        made.add_column(name, justify="right" if number else "left", no_wrap=name != _COLUMNS[-1])
    for row in rows(entries):
        made.add_row(*map(Text, row))
    return made


def rows(entries: Sequence[Entry]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each pipeline, the pipelines of one store together."""
    from airflow_ml_provider.hooks.store import open_store

    ordered = sorted(entries, key=lambda entry: entry.store or "")
    for conn_id, group in groupby(ordered, key=lambda entry: entry.store):
        members = list(group)
        try:
            with open_store(conn_id) as store:
                found = [_known(store.ledger, entry) for entry in members]
        except MLProviderError as error:
            found = [("", "", "", str(error))] * len(members)
        for entry, cells in zip(members, found, strict=True):
            yield (entry.name, entry.kind, *cells)


def _known(ledger: Ledger, entry: Entry) -> tuple[str, str, str, str]:
    pipeline = entry.pipeline
    if isinstance(pipeline, TrainedModel):
        return _model(ledger, pipeline)
    lines = ledger.lines(pipeline.table)
    if not lines:
        return "0", "", "0", "nothing is committed yet"
    total = sum(line.rows or 0 for line in lines)
    waiting = sum(line.unpublished for line in lines)
    told = [f"{waiting} unpublished"] if waiting else []
    told += [failure for failure in [failure_of(ledger, lines[-1].owner)] if failure]
    return str(len(lines)), lines[-1].key, f"{total:,}", "; ".join(told) or "well"


def _model(ledger: Ledger, model: TrainedModel) -> tuple[str, str, str, str]:
    reigns = ledger.reigns(model.name, "champion")
    judgements = ledger.judgements(model.name)
    trainings = ledger.trainings(model.name)
    champion = f"champion {reigns[-1].version}" if reigns else "no champion yet"
    last = judgements[-1] if judgements else None
    verdict = f"{last.verdict} as of {when(last.as_of)}" if last else "never judged"
    trained = [training for training in trainings if training.snapshot.version]
    newest = f"version {trained[-1].snapshot.version}" if trained else ""
    learned = f"{trained[-1].snapshot.rows:,}" if trained else "0"
    return str(len(trained)), newest, learned, f"{champion}; {verdict}"
