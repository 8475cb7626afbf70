"""The data-ready trigger: look at a window's inputs until they are there, in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import timezone
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_ml_provider.domain.readiness import Readiness, Verdict
from airflow_ml_provider.triggers.look import look_once
from airflow_ml_provider.triggers.needs import needs_from_plain, window_from_plain


class DataReadyTrigger(BaseTrigger):
    """
    Wait until everything that a window needs is there.

    It may run twice at once, or be started again elsewhere: it only reads, and its deadline is a
    moment, not a span. Each change of the reason is logged.

    :param needs: what is waited for, as :func:`needs_to_plain` writes it.
    :param window: the window, as :func:`window_to_plain` writes it.
    :param store_conn_id: the Airflow connection of the store; None is the embedded DuckDB file.
    :param poke_interval: the seconds between two looks.
    :param deadline: when to stop waiting, as an ISO date and time with its offset.
    """

    def __init__(
        self,
        *,
        needs: dict[str, Any],
        window: dict[str, Any],
        store_conn_id: str | None,
        poke_interval: float,
        deadline: str,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.needs = needs
        self.window = window
        self.store_conn_id = store_conn_id
        self.poke_interval = poke_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and exactly the arguments of the constructor."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "needs": self.needs,
                "window": self.window,
                "store_conn_id": self.store_conn_id,
                "poke_interval": self.poke_interval,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: the verdict READY or NEVER, or WAIT when the deadline has passed."""
        deadline = datetime.fromisoformat(self.deadline)
        told = ""
        while True:
            # In a thread: the stores block, and a blocked loop holds up every other trigger.
            found = await asyncio.to_thread(self._look)
            if found.reason != told:
                told = found.reason
                self.log.info("%s: %s", self.window["key"], told)
            left = deadline - timezone.utcnow()
            if found.verdict is not Verdict.WAIT or left <= timedelta(0):
                yield TriggerEvent({"verdict": found.verdict.value, "reason": told})
                return
            await asyncio.sleep(min(self.poke_interval, left.total_seconds()))

    def _look(self) -> Readiness:
        return look_once(
            self.store_conn_id,
            needs_from_plain(self.needs),
            window_from_plain(self.window),
            timezone.utcnow(),
        )
