"""The ledger in SQL: the port's methods, each one short transaction over a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from airflow_ml_provider.domain.champion import Reign
from airflow_ml_provider.domain.ledger import Line, Owner
from airflow_ml_provider.domain.staleness import Mark
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.domain.training import Attempt, Judgement, Pin, Training
from airflow_ml_provider.stores.connection.session import Session, in_transaction
from airflow_ml_provider.stores.ledger import (
    attempts as ledger_attempts,
    leases as ledger_leases,
    lines as ledger_lines,
    models as ledger_models,
    schema as ledger_schema,
)

_Answer = TypeVar("_Answer")


class SqlLedger:
    """
    The ledger of a SQL store; see the port.

    Its tables are created at first use, in the connection's default schema.
    """

    def __init__(
        self, session: Session, *, lease_seconds: float = 120, lease_wait_seconds: float = 600
    ) -> None:
        self._connection = session
        self._ensured = False
        self._lease_seconds = lease_seconds
        self._lease_wait_seconds = lease_wait_seconds

    @property
    def session(self) -> Session:
        """The session, with the ledger's tables in place."""
        if not self._ensured:
            ledger_schema.ensure(self._connection)
            self._ensured = True
        return self._connection

    def _write(self, work: Callable[[], _Answer]) -> _Answer:
        session = self.session

        def fenced() -> _Answer:
            ledger_schema.require_known(session)
            return work()

        return in_transaction(session, fenced)

    def line(self, table: TableName, key: str) -> Line | None:
        """Return the line on one partition."""
        return ledger_lines.read(self.session, table, key)

    def lines(
        self, table: TableName, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Line]:
        """Return the committed lines whose window begins in ``[start, end)``."""
        return ledger_lines.committed(self.session, table, start, end)

    def schemas(self, table: TableName, start: datetime, end: datetime) -> set[str]:
        """Return the hashes of the columns under which partitions in ``[start, end)`` came."""
        return ledger_lines.schemas(self.session, table, start, end)

    def mark_published(self, table: TableName, key: str, token: int) -> None:
        """Note that downstream was told of the change made by ``token``."""
        self._write(lambda: ledger_lines.published(self.session, table, key, token))

    def record_judgement(self, judgement: Judgement) -> None:
        """Keep a staleness verdict."""
        self._write(lambda: ledger_models.record_judgement(self.session, judgement))

    def judgements(self, model: str) -> Sequence[Judgement]:
        """Return every verdict on ``model``, by as-of time."""
        return ledger_models.judgements(self.session, model)

    def mark_stale(self, model: str, mark: Mark) -> None:
        """Keep a person's word that ``model`` is stale."""
        self._write(lambda: ledger_models.mark_stale(self.session, model, mark))

    def stale_mark(self, model: str) -> Mark | None:
        """Return the newest mark that no training has answered yet."""
        return ledger_models.stale_mark(self.session, model)

    def answer_marks(self, model: str, until: datetime) -> None:
        """Note that marks made up to ``until`` have led to a training."""
        self._write(lambda: ledger_models.answer_marks(self.session, model, until))

    def save_training(self, training: Training) -> None:
        """Insert or replace the line of a train key; one that got further is left alone."""
        self._write(lambda: ledger_models.save_training(self.session, training))

    def training(self, model: str, train_key: str) -> Training | None:
        """Return the line of one train key."""
        return ledger_models.training(self.session, model, train_key)

    def trainings(self, model: str) -> Sequence[Training]:
        """Return every training of ``model``, by as-of time."""
        return ledger_models.trainings(self.session, model)

    def register_once(self, model: str, train_key: str, register: Callable[[], str]) -> str:
        """
        Return the version registered for ``train_key``, calling ``register`` at most once.

        :raises UnavailableError: when another holder takes too long.
        """
        return ledger_leases.register_once(
            self.session,
            model,
            train_key,
            register,
            lease_seconds=self._lease_seconds,
            wait_seconds=self._lease_wait_seconds,
        )

    def move_alias(self, model: str, alias: str, reign: Reign, expected_epoch: int) -> bool:
        """Set ``alias`` by compare-and-set on its epoch; False when it had moved."""
        return self._write(
            lambda: ledger_models.move_alias(self.session, model, alias, reign, expected_epoch)
        )

    def reigns(self, model: str, alias: str) -> Sequence[Reign]:
        """Return the history of ``alias``, oldest first."""
        return ledger_models.reigns(self.session, model, alias)

    def pin(self, pin: Pin) -> Pin:
        """Keep ``pin`` unless its run has one for the model already; return the one that holds."""
        return self._write(lambda: ledger_models.pin(self.session, pin))

    def forget_model(self, model: str) -> None:
        """Delete what is kept on a scratch model."""
        self._write(lambda: ledger_models.forget_model(self.session, model))

    def forget_run(self, run_id: str) -> None:
        """Delete the pins of a scratch run."""
        self._write(lambda: ledger_models.forget_run(self.session, run_id))

    def open_attempt(self, attempt: Attempt) -> None:
        """Note that a try began."""
        self._write(lambda: ledger_attempts.opened(self.session, attempt))

    def close_attempt(
        self, owner: Owner, at: datetime, failure_class: str | None, message: str | None
    ) -> None:
        """Note how a try ended; no failure class means that it ended well."""
        self._write(
            lambda: ledger_attempts.closed(self.session, owner, at, failure_class, message)
        )

    def attempts(self, dag_id: str, run_id: str) -> Sequence[Attempt]:
        """Return every try of a run, oldest first."""
        return ledger_attempts.of_run(self.session, dag_id, run_id)
