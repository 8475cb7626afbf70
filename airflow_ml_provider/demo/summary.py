"""The demo's last word: what is in the store and the registry now, and where to look next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_ml_provider.demo.system import CHAMPION, FlightsSystem

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ledger import Line
    from airflow_ml_provider.domain.ports import Store
    from airflow_ml_provider.domain.training import Training
    from airflow_ml_provider.domain.window import Window


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the demo reports, read from the ledger."""

    raw: dict[str, int]
    features: tuple[Line, ...]
    predictions: tuple[Line, ...]
    trainings: tuple[Training, ...]
    verdicts: dict[str, int]
    champion: str | None
    unscored: int
    digests: dict[str, str]


def summarize(
    store: Store, system: FlightsSystem, windows: Sequence[Window], raw: dict[str, int]
) -> Summary:
    """Read the store once."""
    ledger, model = store.ledger, system.model.name
    start, end = windows[0].start, windows[-1].end
    predictions = tuple(ledger.lines(system.predictions.table, start, end))
    reigns = ledger.reigns(model, CHAMPION)
    verdicts: dict[str, int] = {}
    for judgement in ledger.judgements(model):
        verdicts[judgement.verdict] = verdicts.get(judgement.verdict, 0) + 1
    tables = (system.features.table, system.model.dataset, system.predictions.table)
    return Summary(
        raw=raw,
        features=tuple(ledger.lines(system.features.table, start, end)),
        predictions=predictions,
        trainings=tuple(ledger.trainings(model)),
        verdicts=verdicts,
        champion=reigns[-1].version if reigns else None,
        unscored=len(windows) - len(predictions),
        digests={str(t): store.digest(t) for t in tables if store.columns(t)},
    )


def render(summary: Summary, footer: Sequence[tuple[str, str]]) -> str:
    """Return the summary as text for a terminal."""
    rows = [
        ("raw records", "  ".join(f"{name} {count:,}" for name, count in summary.raw.items())),
        ("features", _partitions(summary.features)),
        ("verdicts", "  ".join(f"{n} {verdict}" for verdict, n in summary.verdicts.items())),
        *[("training", _training(training)) for training in summary.trainings],
        ("champion", f"version {summary.champion}" if summary.champion else "none yet"),
        ("predictions", _partitions(summary.predictions)),
    ]
    if summary.unscored:
        rows.append(("not scored", f"{summary.unscored} windows from before the first champion"))
    rows += [(f"digest {table}", digest) for table, digest in summary.digests.items()]
    rows += footer
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:<{width}}{text}" for name, text in rows)


def _partitions(lines: Sequence[Line]) -> str:
    rows = sum(line.rows or 0 for line in lines)
    keys = f" ({lines[0].key} … {lines[-1].key})" if lines else ""
    return f"{len(lines)} partitions, {rows:,} rows{keys}"


def _training(training: Training) -> str:
    metrics = ", ".join(f"{name} {value:.2f}" for name, value in sorted(training.metrics.items()))
    return (
        f"as of {training.as_of:%Y-%m-%d}: version {training.snapshot.version} on "
        f"{training.snapshot.rows:,} rows ({metrics}); {training.cause}; {training.verdict}"
    )
