"""A judgement: gather what the ledger knows of a model and decide whether it is trained again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from airflow_ml_provider.domain.champion import champion_for
from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ledger import Line
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import Ledger, Store
from airflow_ml_provider.domain.staleness import (
    Cause,
    Evidence,
    Snapshot,
    Staleness,
    Verdict,
    staleness,
    train_key,
)
from airflow_ml_provider.domain.training import Judgement, Stage, Training
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.steps.function import code_of as function_code
from airflow_ml_provider.steps.inputs import Holdings, contents, earlier, holdings, upstream

CHAMPION = "champion"
_FINISHED = frozenset({Stage.PROMOTED, Stage.KEPT})


def judge(
    store: Store, model: TrainedModel, window: Window, now: datetime
) -> tuple[Staleness, Snapshot]:
    """
    Judge ``model`` as of the end of ``window``, note the verdict, and return it.

    With it comes the snapshot of what a training would read. When these very inputs have led to a
    training as of this moment before, that verdict is given again, so that a run which is cleared
    goes through the same stages and finds them done.
    """
    ledger = store.ledger
    champion = _champion(ledger, model, window)
    held = holdings(ledger, upstream(model.features), _spans(model, window, champion))
    wanted = _snapshot(model, window, held)
    earlier_one = verdict_of(ledger, model, window)
    if earlier_one and earlier_one.trains and earlier_one.train_key == wanted.train_key:
        return _again(earlier_one), wanted
    found = staleness(
        model.name, model.retrain, _evidence(ledger, model, window, wanted, champion, held)
    )
    ledger.record_judgement(
        Judgement(
            model.name,
            window.end,
            found.verdict.value,
            found.reason,
            found.train_key,
            found.trains,
            now,
        )
    )
    return found, wanted


def snapshot(ledger: Ledger, model: TrainedModel, window: Window) -> Snapshot:
    """
    Return what a training as of the end of ``window`` would read; its version is not known yet.

    Labels end where they have matured; ``rows`` counts the feature rows of the partitions read.
    """
    return _snapshot(
        model, window, holdings(ledger, upstream(model.features), [_reads(model, window)])
    )


def _snapshot(model: TrainedModel, window: Window, held: Sequence[Holdings]) -> Snapshot:
    read = _reads(model, window)
    lines = _lines(held, read)
    manifest, code, config = contents(lines), code_of(model), config_of(model)
    return Snapshot(
        version="",
        train_key=train_key(model.name, manifest, code, config),
        data_start=read.start,
        data_end=read.end,
        rows=sum(line.rows or 0 for line in lines),
        manifest=manifest,
        code=code,
        config=config,
    )


def verdict_of(ledger: Ledger, model: TrainedModel, window: Window) -> Judgement | None:
    """Return the recorded verdict as of the end of ``window``."""
    fit = [found for found in ledger.judgements(model.name) if found.as_of == window.end]
    return fit[-1] if fit else None


def judged_key(store: Store, model: TrainedModel, window: Window) -> str:
    """
    Return the train key that the ledger's verdict for ``window`` asks to train.

    :raises DataError: when there is no such verdict.
    """
    found = verdict_of(store.ledger, model, window)
    if found is not None and found.trains:
        return found.train_key
    said = f"the verdict is: {found.reason}" if found else "it was not judged"
    msg = (
        f"{model.name} is not to be trained as of {window.end:%Y-%m-%d %H:%M} UTC ({said}). "
        "Run the staleness check of this window first."
    )
    raise DataError(msg)


def code_of(model: TrainedModel) -> str:
    """Return the fingerprint of the training code."""
    return function_code(model.train)


def config_of(model: TrainedModel) -> str:
    """Return the fingerprint of what the training is told: parameters, label, spans, features."""
    label = model.label
    return fingerprint(
        {
            "params": model.params,
            "label": [str(label.table), label.column, label.time, label.matures],
            "spans": [model.window, model.holdout],
            "features": [str(view.table) for view in model.features],
        }
    )


def _reads(model: TrainedModel, window: Window) -> Window:
    """Return the time whose features a training as of the end of ``window`` reads."""
    end = earlier(model.calendar, window.end, model.label.matures)
    return Window(window.key, earlier(model.calendar, end, model.window), end)


def _after(champion: Snapshot | None, until: datetime) -> Window | None:
    """Return the time between the champion's data and ``until``, if there is any."""
    if champion is None or until <= champion.data_end:
        return None
    return Window(champion.train_key, champion.data_end, until)


def _spans(model: TrainedModel, window: Window, champion: Snapshot | None) -> list[Window]:
    read = _reads(model, window)
    after = _after(champion, read.end)
    return [read, *([_trained_on(champion)] if champion else []), *([after] if after else [])]


def _trained_on(champion: Snapshot) -> Window:
    return Window(champion.train_key, champion.data_start, champion.data_end)


def _evidence(
    ledger: Ledger,
    model: TrainedModel,
    window: Window,
    wanted: Snapshot,
    champion: Snapshot | None,
    held: Sequence[Holdings],
) -> Evidence:
    read, trainings = _reads(model, window), ledger.trainings(model.name)
    after = _after(champion, read.end)
    return Evidence(
        as_of=window.end,
        available=wanted.manifest,
        expected=sum(each.expected(read) for each in held),
        current=contents(_lines(held, _trained_on(champion))) if champion else {},
        rows_after=sum(line.rows or 0 for line in _lines(held, after)) if after else 0,
        code=wanted.code,
        config=wanted.config,
        champion=champion,
        mark=ledger.stale_mark(model.name),
        trained_keys=frozenset(t.train_key for t in trainings if t.stage in _FINISHED),
        last_trained=_last_trained(trainings, window.end),
    )


def _champion(ledger: Ledger, model: TrainedModel, window: Window) -> Snapshot | None:
    reign = champion_for(ledger.reigns(model.name, CHAMPION), window.end)
    if reign is None:
        return None
    snapshots = (training.snapshot for training in ledger.trainings(model.name))
    return next((s for s in snapshots if s.version == reign.version), None)


def _lines(held: Sequence[Holdings], window: Window) -> list[Line]:
    return [line for each in held for line in each.of(window)]


def _last_trained(trainings: Sequence[Training], as_of: datetime) -> datetime | None:
    done = (t.as_of for t in trainings if t.stage is not Stage.BUILT and t.as_of <= as_of)
    return max(done, default=None)


def _again(verdict: Judgement) -> Staleness:
    cause = Cause(
        "judged before",
        Verdict.STALE,
        f"on {verdict.at:%Y-%m-%d %H:%M} UTC it was {verdict.reason}",
        "these very inputs were judged so",
    )
    return Staleness(Verdict.STALE, (cause,), verdict.train_key)
