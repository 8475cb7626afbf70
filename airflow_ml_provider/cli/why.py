"""Why: what the ledger knows of a pipeline, in sentences with evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_ml_provider.cli.story import told, tries_of, when
from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ledger import Line, Recipe
    from airflow_ml_provider.domain.ports import Ledger, Store
    from airflow_ml_provider.domain.training import Training
    from airflow_ml_provider.domain.window import Window
    from airflow_ml_provider.spec.catalog import Entry


def explained(entry: Entry, key: str | None) -> Iterator[str]:
    """
    Yield what is known, newest last; of one partition when ``key`` is given.

    Nothing is written: the ledger and the sources are only looked at.

    :raises WindowError: when ``key`` names no window of the pipeline.
    """
    from airflow_ml_provider.hooks.store import open_store

    entry.make_importable()
    pipeline = entry.pipeline
    window = pipeline.calendar.window(key) if key is not None else None
    with open_store(entry.store) as store:
        yield f"{entry.name} {window or ''}".rstrip() + f", {entry.kind}, in {store.address}"
        match pipeline:
            case TrainedModel():
                yield from _model(store.ledger, pipeline, window)
            case _ if window is None:
                yield from _table(store.ledger.lines(pipeline.table))
            case _:
                yield from _partition(store, pipeline, window)


def _model(ledger: Ledger, model: TrainedModel, window: Window | None) -> Iterator[str]:
    as_of = window.end if window else None
    judgements = [one for one in ledger.judgements(model.name) if as_of in {None, one.as_of}]
    if not judgements:
        yield _row("judged", "never as of that time" if as_of else "never yet")
    for judgement in judgements:
        yield _row("judged", f"as of {when(judgement.as_of)}: {judgement.reason}")
    for training in ledger.trainings(model.name):
        if as_of in {None, training.as_of}:
            yield from _training(training)
    for reign in ledger.reigns(model.name, "champion"):
        if as_of in {None, reign.since}:
            yield _row("champion", f"version {reign.version} for windows from {when(reign.since)}")
            yield _row("", f"by {reign.by}, {when(reign.at)}")
    yield from _marked(ledger, model)


def _marked(ledger: Ledger, model: TrainedModel) -> Iterator[str]:
    mark = ledger.stale_mark(model.name)
    if mark is not None:
        yield _row("marked", f"stale by {mark.who}, {when(mark.at)}: {mark.reason}")


def _training(training: Training) -> Iterator[str]:
    snapshot = training.snapshot
    version = f"version {snapshot.version}" if snapshot.version else "no version yet"
    yield _row("trained", f"as of {when(training.as_of)}: {version}, {training.stage}")
    yield _row("", f"because {training.cause}")
    yield _row(
        "",
        f"on {snapshot.rows:,} feature rows of {len(snapshot.manifest)} partitions, train key "
        f"{training.train_key}",
    )
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in sorted(training.metrics.items()))
    for told_of_it in filter(None, (metrics, training.verdict)):
        yield _row("", told_of_it)


def _table(lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        yield _row("committed", "nothing yet")
    for line in lines:
        unpublished = ", downstream not told" if line.unpublished else ""
        yield _row(
            line.key,
            f"{line.rows or 0:>9,} rows, changed {when(line.changed_at)} by claim "
            f"{line.changed_token}{unpublished}",
        )


def _partition(
    store: Store, pipeline: FeatureView | BatchPrediction, window: Window
) -> Iterator[str]:
    line = store.ledger.line(pipeline.table, window.key)
    if line is None:
        yield _row("claimed", "never: no run has come as far as computing it")
    else:
        yield from _line(line)
        for sentence in told(tries_of(store.ledger, line.owner)):
            yield _row("try", sentence)
    if line is None or not line.committed:
        yield _row("readiness", _readiness(store, pipeline, window))
    elif line.recipe is not None and isinstance(pipeline, FeatureView):
        yield _row("now", _changed(store, pipeline, window, line.recipe))


def _line(line: Line) -> Iterator[str]:
    times = "once" if line.token == 1 else f"{line.token} times"
    yield _row("claimed", f"{times}, last {when(line.claimed_at)} by {line.owner}")
    if not line.committed:
        yield _row("committed", "never: no reader sees this partition")
        return
    late = line.token != line.committed_token
    yield _row(
        "committed",
        f"{when(line.committed_at)} by claim {line.committed_token}, {line.rows or 0:,} rows"
        + (f"; claim {line.token} was refused, failed or still runs" if late else ""),
    )
    yield _row(
        "content",
        f"{line.content_hash}, changed {when(line.changed_at)} by claim {line.changed_token}",
    )
    yield _row("downstream", "not told of the change yet" if line.unpublished else "knows it")
    if line.recipe is not None:
        yield _row("made by", f"code {line.recipe.code}, parameters {line.recipe.params}, from:")
        for name, version in sorted(line.recipe.inputs.items()):
            yield _row("", f"{name} {version}")


def _readiness(store: Store, pipeline: FeatureView | BatchPrediction, window: Window) -> str:
    from airflow_ml_provider.steps.readiness import look

    try:
        return look(store, pipeline, window, datetime.now(UTC)).reason
    except MLProviderError as error:
        return str(error)


def _changed(store: Store, view: FeatureView, window: Window, made: Recipe) -> str:
    from airflow_ml_provider.steps.feature import recipe_of

    try:
        now = recipe_of(store, view, window)
    except MLProviderError as error:
        return f"it cannot be told what has changed: {error}"
    differ = ["the code"] if now.code != made.code else []
    differ += ["the parameters"] if now.params != made.params else []
    names = sorted({*now.inputs, *made.inputs})
    differ += [name for name in names if now.inputs.get(name) != made.inputs.get(name)]
    if not differ:
        return "code, parameters and inputs are the same: another run would compute nothing"
    return f"changed since: {', '.join(differ)}; another run would compute it again"


def _row(label: str, said: str) -> str:
    return f"  {label:<12}{said}"
