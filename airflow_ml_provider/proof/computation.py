"""A computation: one partition in a process of its own, which may be told to die on the way."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.pipeline import TrainedModel
from airflow_ml_provider.domain.ports import ModelRegistry
from airflow_ml_provider.proof.subject import Subject

RUN = "airflow_ml.proof"


@dataclass(frozen=True, slots=True)
class Task:
    """What a process is asked to compute; ``dies_after`` is the number of a step."""

    subject: Subject
    owner: Owner
    now: datetime
    home: Path
    dies_after: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How a process ended: the steps it took, what was said, its error, and whether it was killed."""

    steps: tuple[str, ...] = ()
    said: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    fenced: bool = False
    killed: bool = False


@dataclass(slots=True)
class Steps:
    """Counts the steps of a write, and kills its own process after the one it is told."""

    dies_after: int | None
    taken: list[str] = field(default_factory=list)

    def __call__(self, step: str) -> None:
        """Note that ``step`` is done."""
        self.taken.append(step)
        if len(self.taken) == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)


def computed(tasks: Sequence[Task]) -> list[Answer]:
    """Compute every task in a process of its own; they begin together, when all are ready."""
    processes = [_started(task) for task in tasks]
    for process in processes:
        assert process.stdout is not None  # noqa: S101  both ends are pipes
        process.stdout.readline()
    return [_answer(process) for process in _released(processes)]


def _started(task: Task) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdin is not None  # noqa: S101  both ends are pipes
    pickle.dump(task, process.stdin)
    process.stdin.flush()
    return process


def _released(processes: list[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    for process in processes:
        assert process.stdin is not None  # noqa: S101  both ends are pipes
        process.stdin.close()
    return processes


def _answer(process: subprocess.Popen[bytes]) -> Answer:
    assert process.stdout is not None  # noqa: S101  both ends are pipes
    told = process.stdout.read()
    process.stdout.close()
    code = process.wait()
    if code == -signal.SIGKILL:
        return Answer(killed=True)
    if code or not told:
        return Answer(error=f"the process ended with {code}")
    answer: Answer = pickle.loads(told)  # noqa: S301  written by our own process
    return answer


def main() -> None:
    """Compute the task that comes in on standard input, and send the answer out."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the user's code prints is not for us
    task: Task = pickle.load(sys.stdin.buffer)  # noqa: S301  written by our own process
    sys.path.insert(0, str(task.subject.folder))
    _prepare(answers)
    pickle.dump(_compute(task), answers)
    answers.close()


def _prepare(answers: IO[bytes]) -> None:
    import airflow_ml_provider.steps.walk  # noqa: F401  the slow part, before all begin together

    answers.write(b"ready\n")
    answers.flush()
    sys.stdin.buffer.read()


def _compute(task: Task) -> Answer:
    from airflow_ml_provider.domain.errors import FencedError
    from airflow_ml_provider.hooks.store import open_store
    from airflow_ml_provider.steps.attempt import message_of
    from airflow_ml_provider.steps.walk import Errand, walk

    steps, subject = Steps(task.dies_after), task.subject
    said: list[tuple[str, str]] = []
    try:
        with open_store(subject.store, on_step=steps) as store:
            registry = partial(_registry, task, steps)
            errand = Errand(
                store, registry, subject.window, task.owner, task.now, unready=True, approved=True
            )
            said.extend(walk(errand, subject.pipeline))
    except Exception as error:
        told = message_of(error)
        return Answer(tuple(steps.taken), tuple(said), told, isinstance(error, FencedError))
    return Answer(tuple(steps.taken), tuple(said))


def _registry(task: Task, steps: Steps) -> ModelRegistry:
    from airflow_ml_provider.hooks.registry import open_registry

    if isinstance(task.subject.pipeline, TrainedModel):
        return scratch_registry(task.home, steps)
    return open_registry(task.subject.registry)


def scratch_registry(home: Path, steps: Any = lambda _: None) -> ModelRegistry:
    """Return a registry inside ``home`` that tells ``steps`` what it has done."""
    from airflow_ml_provider.stores.mlflow.registry import MLflowRegistry

    class Observed(MLflowRegistry):
        def register(self, *arguments: Any, **named: Any) -> Any:
            made = super().register(*arguments, **named)
            steps("registered")
            return made

        def set_alias(self, *arguments: Any) -> None:
            super().set_alias(*arguments)
            steps("mirrored")

    return Observed(f"sqlite:///{home / 'registry.db'}", home / "models")


if __name__ == "__main__":
    # The pickled classes are those of the module, not of the script that it is here as well.
    from airflow_ml_provider.proof.computation import main as compute

    compute()
