"""One look: open the store, judge a window's readiness, close it again."""

from __future__ import annotations

from datetime import datetime

from airflow_ml_provider.domain.errors import MLProviderError, UnavailableError
from airflow_ml_provider.domain.readiness import Condition, Readiness, Verdict, readiness
from airflow_ml_provider.domain.window import Window
from airflow_ml_provider.hooks.store import open_store
from airflow_ml_provider.steps.readiness import Needs, look


def look_once(conn_id: str | None, needs: Needs, window: Window, now: datetime) -> Readiness:
    """
    Return the verdict on ``window``.

    A store that does not answer, or is locked, is a reason to wait; a table that does not exist,
    or a connection that Airflow does not know, is one to stop.
    """
    try:
        with open_store(conn_id) as store:
            return look(store, needs, window, now)
    except UnavailableError as error:
        return readiness([Condition("store", Verdict.WAIT, str(error), "an answer")])
    except MLProviderError as error:
        return readiness([Condition("store", Verdict.NEVER, str(error), "an answer")])
