"""A failure of ours, as Airflow understands it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from airflow_ml_provider.domain.errors import FailureClass, FencedError, MLProviderError

_RETRIED = frozenset({FailureClass.TRANSIENT, FailureClass.RESOURCE, FailureClass.PREEMPTED})


@contextmanager
def failures_told() -> Iterator[None]:
    """
    Turn a failure that another try cannot mend into one that Airflow does not retry.

    Other exceptions, those of user code too, pass through: the task's retries decide on them.

    :raises AirflowFailException: with the original as its cause.
    """
    try:
        yield
    except MLProviderError as error:
        if error.failure_class in _RETRIED and not isinstance(error, FencedError):
            raise
        msg = f"{error} ({type(error).__name__}: not tried again)"
        raise AirflowFailException(msg) from error
