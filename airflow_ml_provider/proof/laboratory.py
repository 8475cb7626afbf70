"""A laboratory: runs every trial of one partition in a scratch place, and looks at what is left."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_ml_provider.domain.errors import DataError
from airflow_ml_provider.domain.fingerprint import fingerprint
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
from airflow_ml_provider.domain.ports import Store
from airflow_ml_provider.domain.table import KeySlice, TimeSlice
from airflow_ml_provider.hooks.store import open_store
from airflow_ml_provider.proof.computation import RUN, Answer, Task, computed, scratch_registry
from airflow_ml_provider.proof.subject import Pipeline, Subject, moved
from airflow_ml_provider.proof.trial import ONCE, Left, Outcome, Report, Trial, compared, further
from airflow_ml_provider.steps.judgement import CHAMPION
from airflow_ml_provider.steps.publish import confirm, unpublished
from airflow_ml_provider.steps.run import name_of

SCRATCH = "ml_proof"


def prove(
    pipeline: Pipeline,
    key: str,
    folder: Path,
    now: datetime,
    *,
    store: str | None = None,
    registry: str | None = None,
    into: str = SCRATCH,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> Report:
    """
    Compute the partition ``key`` again and again, in schema ``into``, and compare what comes out.

    Once, twice, killed by SIGKILL after each step of a write, and twice at the same time, each in
    processes of their own and each from nothing. The pipeline's own table, model and registry are
    not touched; inputs are read where they are. ``tell`` hears each outcome.

    :raises DataError: when the first computation fails, or computes nothing.
    :raises ConfigurationError: when ``into`` is where the pipeline really writes.
    """
    window = pipeline.calendar.window(key)
    subject = Subject(moved(pipeline, into), window, folder, store, registry)
    with TemporaryDirectory() as home:
        outcomes = []
        for outcome in Laboratory(subject, Path(home), now).outcomes():
            outcomes.append(outcome)
            tell(outcome)
    return Report(pipeline.name, key, tuple(outcomes))


@dataclass(slots=True)
class Laboratory:
    """Everything that the trials of one subject share; ``home`` is an empty folder."""

    subject: Subject
    home: Path
    now: datetime
    number: int = 0
    _run: str = field(default_factory=lambda: f"proof__{secrets.token_hex(6)}")

    def outcomes(self) -> Iterator[Outcome]:
        """Run every trial, the plain one first, and clear up after each."""
        answers, first = self._tried(ONCE)
        self._require(answers[0], first)
        assert first is not None  # noqa: S101  required just now
        yield Outcome(ONCE, first, tuple(compared(first, first)))
        for trial in further(answers[0].steps):
            yield self._outcome(trial, first)

    def _outcome(self, trial: Trial, first: Left) -> Outcome:
        answers, left = self._tried(trial)
        faults = list(_faults(trial, answers))
        faults += compared(first, left) if left else ["nothing was left behind"]
        return Outcome(trial, left, tuple(faults))

    def _tried(self, trial: Trial) -> tuple[list[Answer], Left | None]:
        self.number += 1
        self._home.mkdir()
        self._forget()
        answers: list[Answer] = []
        events = 0
        rounds = [trial.deaths] if trial.together else [(death,) for death in trial.deaths]
        try:
            for deaths in rounds:
                answers += computed([self._task(death) for death in deaths])
                if not answers[-1].killed:
                    events += self._published()
            return answers, self._left(events)
        finally:
            self._forget()

    @property
    def _home(self) -> Path:
        return self.home / str(self.number)

    def _task(self, dies_after: int | None) -> Task:
        owner = Owner(RUN, self._run, "prove")
        return Task(self.subject, owner, self.now, self._home, dies_after)

    def _require(self, answer: Answer, left: Left | None) -> None:
        if answer.error is None and left is not None:
            return
        said = "; ".join(f"{step}: {told}" for step, told in answer.said)
        reason = answer.error or said or "it was killed by somebody else"
        msg = (
            f"{self.subject.pipeline.name} {self.subject.window.key} cannot be proven: its first "
            f"computation made nothing ({reason})."
        )
        raise DataError(msg)

    def _published(self) -> int:
        """Tell downstream of a change, as the task after the computation would; 1 when it did."""
        with open_store(self.subject.store) as store:
            line = unpublished(store, self.subject.table, self.subject.window.key)
            if line is None or line.changed_token is None:
                return 0
            confirm(store, line.table, line.key, line.changed_token)
            return 1

    def _left(self, events: int) -> Left | None:
        with open_store(self.subject.store) as store:
            if isinstance(self.subject.pipeline, TrainedModel):
                return self._model_left(store, self.subject.pipeline)
            table = self.subject.table
            line = store.ledger.line(table, self.subject.window.key)
            if line is None or not line.committed:
                return None
            window = self.subject.window
            owned = TimeSlice(_time(self.subject.pipeline), window.start, window.end)
            rows = store.count(table, owned) or 0
            return Left(rows, line.rows or 0, store.digest(table), events)

    def _model_left(self, store: Store, model: TrainedModel) -> Left | None:
        trainings = store.ledger.trainings(model.name)
        if not trainings:
            return None
        training = trainings[-1]
        line = store.ledger.line(model.dataset, training.train_key)
        rows = store.count(model.dataset, KeySlice("train_key", training.train_key)) or 0
        registry = scratch_registry(self._home)
        what = [
            store.digest(model.dataset),
            training.stage.value,
            dict(training.metrics),
            [reign.version for reign in store.ledger.reigns(model.name, CHAMPION)],
            registry.alias(model.name, CHAMPION),
        ]
        versions = len(registry.versions(model.name))
        return Left(rows, line.rows or 0 if line else 0, fingerprint(what), versions)

    def _forget(self) -> None:
        pipeline, window = self.subject.pipeline, self.subject.window
        with open_store(self.subject.store) as store:
            for table in self.subject.tables:
                store.forget(table)
            match pipeline:
                case TrainedModel():
                    store.ledger.forget_model(pipeline.name)
                case BatchPrediction():
                    run = name_of(Owner(RUN, self._run, "prove"))
                    store.ledger.forget_run(f"{run}/{pipeline.name}/{window.key}")


def _faults(trial: Trial, answers: Sequence[Answer]) -> Iterator[str]:
    for number, (death, answer) in enumerate(zip(trial.deaths, answers, strict=True), start=1):
        if death is not None and not answer.killed:
            yield f"computation {number} was not killed: {answer.error or 'it ended before'}"
        elif death is None and answer.killed:
            yield f"computation {number} was killed by somebody else"
        elif answer.error is not None and not (trial.together and answer.fenced):
            yield f"computation {number}: {answer.error}"


def _time(pipeline: FeatureView | BatchPrediction) -> str:
    if isinstance(pipeline, FeatureView):
        return pipeline.time
    return pipeline.features[0].time
