"""A link: one raw DB-API connection, how statements cross it, where its transactions end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.stores.connection.session import Row
from airflow_ml_provider.stores.generic.binds import translated
from airflow_ml_provider.stores.generic.driver import Driver, driver_of
from airflow_ml_provider.stores.generic.errors import LostError, told, unreachable
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.generic.values import bindable, plain

Connect = Callable[[], Any]


class Link:
    """
    One connection, opened by ``connect``, whose transaction begins with a statement (PEP 249).

    On an engine without transactions each statement is committed by itself, whatever is begun.
    """

    def __init__(self, connect: Connect, profile: Profile, address: str) -> None:
        self.address = address
        self.profile = profile
        self._connect = connect
        self._connection: Any = None
        self._driver: Driver | None = None
        self._in_transaction = False

    @property
    def connection(self) -> Any:
        """The open connection."""
        if self._connection is None:
            opened = self._connected()
            self._driver = driver_of(opened)
            self._connection = opened
            for statement in self.profile.opening:
                self.execute(statement)
        return self._connection

    def _connected(self) -> Any:
        try:
            return self._connect()
        except Exception as error:
            told_so = unreachable(error, self.address)
            if told_so is None:
                raise
            raise told_so from error

    @property
    def driver(self) -> Driver:
        """The module of the connection."""
        _ = self.connection
        assert self._driver is not None  # noqa: S101  it comes with the connection
        return self._driver

    @contextmanager
    def statement(self, *, creating: bool = False) -> Iterator[Any]:
        """Lend a cursor: in the transaction that is open, or in one that ends with it."""
        try:
            with told(self.driver, self.address, creating=creating):
                cursor = self.connection.cursor()
                try:
                    yield cursor
                finally:
                    cursor.close()
                if not self._in_transaction:
                    self.connection.commit()
        except LostError:
            self.close()
            raise
        except BaseException:
            if not self._in_transaction:
                self._given_up()
            raise

    def run(self, cursor: Any, sql: str, values: Sequence[object]) -> None:
        """Run a statement on a cursor, its values bound as the driver wants them."""
        bound = translated(sql, self.driver.paramstyle)
        if not bound.order:
            # Without values a percent sign is one, in every style.
            cursor.execute(bound.text)
            return
        spans = self.profile.spans
        given = [bindable(value, spans=spans) for value in values]
        cursor.execute(bound.text, bound.values(given))

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows, if it has an answer."""
        creating = sql.startswith(("CREATE", "ALTER"))
        with self.statement(creating=creating) as cursor:
            self.run(cursor, sql, values)
            return [plain(tuple(row)) for row in cursor.fetchall()] if cursor.description else []

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        with self.statement() as cursor:
            self.run(cursor, sql, values)
            return int(cursor.rowcount)

    def begin(self) -> None:
        """Begin a transaction: a driver opens it with the next statement."""
        _ = self.connection
        self._in_transaction = self.profile.capabilities.transactions

    def commit(self) -> None:
        """Commit; an error may mean that the answer was lost."""
        if not self._in_transaction:
            return
        try:
            with told(self.driver, self.address):
                self.connection.commit()
        except LostError:
            self.close()
            raise
        self._in_transaction = False

    def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if not self._in_transaction:
            return
        self._in_transaction = False
        self._given_up()

    def _given_up(self) -> None:
        if self._connection is None:
            return
        try:
            with told(self.driver, self.address):
                self._connection.rollback()
        except MLProviderError:
            self.close()

    def close(self) -> None:
        """Close the connection; what is open is rolled back."""
        connection, self._connection = self._connection, None
        self._in_transaction = False
        if connection is not None:
            # A connection that is lost already has nothing to say that matters.
            with suppress(driver_of(connection).error):
                connection.close()
