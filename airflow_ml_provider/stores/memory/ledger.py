"""The ledger in memory: the reference for what the port's methods mean."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.ledger import Line, Owner
from airflow_ml_provider.domain.staleness import Mark
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import Attempt, Judgement, Pin, Stage, Training

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_RANKS = {Stage.BUILT: 0, Stage.REGISTERED: 1, Stage.EVALUATED: 2}
_END = 3


class MemoryLedger:
    """The ledger of a memory store; see the port. Any number of threads may use it."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._lines: dict[tuple[TableName, str], Line] = {}
        self._judgements: dict[tuple[str, datetime], Judgement] = {}
        self._marks: dict[str, list[Mark]] = defaultdict(list)
        self._trainings: dict[tuple[str, str], Training] = {}
        self._versions: dict[tuple[str, str], str] = {}
        self._registering: dict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._reigns: dict[tuple[str, str], list[Reign]] = defaultdict(list)
        self._pins: dict[tuple[str, str], Pin] = {}
        self._attempts: dict[tuple[str, str, str, int, int], Attempt] = {}

    def claimed(self, table: TableName, key: str, owner: Owner, at: datetime) -> int:
        """Count the line's token up and return it."""
        with self._lock:
            old = self._lines.get((table, key)) or Line(table, key, 0, str(owner), at)
            new = replace(old, token=old.token + 1, owner=str(owner), claimed_at=at)
            self._lines[table, key] = new
            return new.token

    def write(self, line: Line) -> None:
        """Put a line in place of the old one."""
        with self._lock:
            self._lines[line.table, line.key] = line

    def set_aside(self, table: TableName, name: TableName) -> None:
        """Let the lines of a table tell of it under another name; see the one in SQL."""
        with self._lock:
            self.forget_table(name)
            for line in self.lines(table):
                self._lines[name, line.key] = replace(line, table=name)
                self._lines[table, line.key] = Line(
                    table,
                    line.key,
                    line.token,
                    line.owner,
                    line.claimed_at,
                    published_token=line.published_token,
                )

    def line(self, table: TableName, key: str) -> Line | None:
        """Return the line on one partition."""
        with self._lock:
            return self._lines.get((table, key))

    def lines(
        self, table: TableName, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Line]:
        """Return the committed lines whose window begins in ``[start, end)``."""
        with self._lock:
            mine = [line for line in self._lines.values() if line.table == table]
        found = [
            line
            for line in mine
            if line.committed
            and (start is None or (line.start is not None and line.start >= start))
            and (end is None or (line.start is not None and line.start < end))
        ]
        return sorted(found, key=lambda line: (line.start or _EARLIEST, line.key))

    def schemas(self, table: TableName, start: datetime, end: datetime) -> set[str | None]:
        """Return the hashes of the columns under which partitions in ``[start, end)`` came."""
        found = self.lines(table, None, end)
        return {line.schema_hash for line in found if line.end is not None and line.end > start}

    def mark_published(self, table: TableName, key: str, token: int) -> None:
        """Note that downstream was told of the change made by ``token``."""
        with self._lock:
            line = self._lines.get((table, key))
            if line is not None and (line.published_token or 0) < token:
                self._lines[table, key] = replace(line, published_token=token)

    def record_judgement(self, judgement: Judgement) -> None:
        """Keep a staleness verdict."""
        with self._lock:
            self._judgements[judgement.model, judgement.as_of] = judgement

    def judgements(self, model: str) -> Sequence[Judgement]:
        """Return every verdict on ``model``, by as-of time."""
        with self._lock:
            found = [each for each in self._judgements.values() if each.model == model]
        return sorted(found, key=lambda judgement: judgement.as_of)

    def mark_stale(self, model: str, mark: Mark) -> None:
        """Keep a person's word that ``model`` is stale."""
        with self._lock:
            self._marks[model].append(mark)

    def stale_mark(self, model: str) -> Mark | None:
        """Return the newest mark that no training has answered yet."""
        with self._lock:
            return max(self._marks[model], key=lambda mark: mark.at, default=None)

    def answer_marks(self, model: str, until: datetime) -> None:
        """Note that marks made up to ``until`` have led to a training."""
        with self._lock:
            self._marks[model] = [mark for mark in self._marks[model] if mark.at > until]

    def save_training(self, training: Training) -> None:
        """Insert or replace the line of a train key; one that got further is left alone."""
        key = (training.model, training.train_key)
        with self._lock:
            old = self._trainings.get(key)
            if old is None or _RANKS.get(old.stage, _END) <= _RANKS.get(training.stage, _END):
                self._trainings[key] = training

    def training(self, model: str, train_key: str) -> Training | None:
        """Return the line of one train key."""
        with self._lock:
            return self._trainings.get((model, train_key))

    def trainings(self, model: str) -> Sequence[Training]:
        """Return every training of ``model``, by as-of time."""
        with self._lock:
            found = [each for each in self._trainings.values() if each.model == model]
        return sorted(found, key=lambda training: (training.as_of, training.train_key))

    def register_once(self, model: str, train_key: str, register: Callable[[], str]) -> str:
        """Return the version registered for ``train_key``, calling ``register`` at most once."""
        key = (model, train_key)
        with self._lock:
            registering = self._registering[key]
        with registering:
            if key not in self._versions:
                self._versions[key] = register()
            return self._versions[key]

    def move_alias(self, model: str, alias: str, reign: Reign, expected_epoch: int) -> bool:
        """Set ``alias`` by compare-and-set on its epoch; False when it had moved."""
        with self._lock:
            history = self._reigns[model, alias]
            if (history[-1].epoch if history else 0) != expected_epoch:
                return False
            history.append(reign)
            return True

    def reigns(self, model: str, alias: str) -> Sequence[Reign]:
        """Return the history of ``alias``, oldest first."""
        with self._lock:
            return list(self._reigns[model, alias])

    def pin(self, pin: Pin) -> Pin:
        """Keep ``pin`` unless its run has one for the model already; return the one that holds."""
        with self._lock:
            return self._pins.setdefault((pin.run_id, pin.model), pin)

    def forget_table(self, table: TableName) -> None:
        """Delete every line on a table."""
        with self._lock:
            _without(self._lines, lambda key: key[0] == table)

    def forget_model(self, model: str) -> None:
        """Delete what is kept on a scratch model."""
        with self._lock:
            self._marks.pop(model, None)
            for kept in (self._judgements, self._trainings, self._versions, self._reigns):
                _without(kept, lambda key: key[0] == model)

    def forget_run(self, run_id: str) -> None:
        """Delete the pins of a scratch run."""
        with self._lock:
            _without(self._pins, lambda key: key[0] == run_id)

    def open_attempt(self, attempt: Attempt) -> None:
        """Note that a try began."""
        key = (
            attempt.dag_id,
            attempt.run_id,
            attempt.task_id,
            attempt.map_index,
            attempt.try_number,
        )
        with self._lock:
            self._attempts[key] = attempt

    def close_attempt(
        self, owner: Owner, at: datetime, failure_class: str | None, message: str | None
    ) -> None:
        """Note how a try ended; no failure class means that it ended well."""
        key = (owner.dag_id, owner.run_id, owner.task_id, owner.map_index, owner.try_number)
        with self._lock:
            attempt = self._attempts.get(key)
            if attempt is not None:
                self._attempts[key] = replace(
                    attempt, ended_at=at, failure_class=failure_class, message=message
                )

    def attempts(self, dag_id: str, run_id: str) -> Sequence[Attempt]:
        """Return every try of a run, oldest first."""
        with self._lock:
            found = [
                each
                for each in self._attempts.values()
                if (each.dag_id, each.run_id) == (dag_id, run_id)
            ]
        order = ("started_at", "task_id", "map_index", "try_number")
        return sorted(found, key=lambda each: tuple(getattr(each, name) for name in order))


def _without(kept: dict[Any, Any], gone: Callable[[Any], bool]) -> None:
    for key in [key for key in kept if gone(key)]:
        del kept[key]
