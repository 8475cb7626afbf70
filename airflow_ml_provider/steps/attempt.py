"""An attempt: the note that a try leaves in the ledger when it begins and when it ends."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from airflow_ml_provider.domain.errors import FailureClass, MLProviderError, UnavailableError
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.domain.ports import Ledger
from airflow_ml_provider.domain.training import Attempt

log = logging.getLogger(__name__)

_LONGEST = 300
_HIDDEN = (
    (re.compile(r"\b(DETAIL|LINE \d+|CONTEXT):.*", re.DOTALL), ""),
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]*@"), "***@"),
    (
        re.compile(r"(?i)\b(password|passwd|pwd|secret|token|api_?key)\b(\s*[=:]\s*)\S+"),
        r"\1\2***",
    ),
)
_VALUES = (
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`"), "<s>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?\S*"), "<time>"),
    (re.compile(r"(?<![\w.])/(?:[\w.-]+/)+[\w.-]*"), "<path>"),
    (re.compile(r"[-+]?\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d+)?\b(?:\s?[KMGT]i?B\b)?"), "<n>"),
)


@contextmanager
def attempt(
    ledger: Ledger, owner: Owner, subject: str, *, clock: Callable[[], datetime]
) -> Iterator[None]:
    """
    Note that a try began, and how it ended.

    The note is for people who look for what failed. A ledger that cannot take it must not break a
    step whose data is good, so its trouble is only logged. A store that does not even answer at the
    beginning is another matter: the step would wait for it once more, and fail in the same way.

    :raises UnavailableError: when the store does not answer at the beginning.
    """
    opened = Attempt(
        owner.dag_id,
        owner.run_id,
        owner.task_id,
        owner.map_index,
        owner.try_number,
        subject,
        clock(),
    )
    _noted("begin", lambda: ledger.open_attempt(opened), needed=UnavailableError)
    failure: tuple[str, str] | tuple[None, None] = (None, None)
    try:
        yield
    except BaseException as error:
        failure = (classify(error).value, message_of(error))
        raise
    finally:
        _noted("end", lambda: ledger.close_attempt(owner, clock(), *failure))


def classify(error: BaseException) -> FailureClass:
    """Return what ``error`` means for the next try."""
    match error:
        case MLProviderError():
            return error.failure_class
        case MemoryError():
            return FailureClass.RESOURCE
        case KeyboardInterrupt() | SystemExit():
            return FailureClass.PREEMPTED
        case FileNotFoundError() | PermissionError() | NotADirectoryError() | IsADirectoryError():
            return FailureClass.CONFIG
        case OSError() | EOFError():
            return FailureClass.TRANSIENT
    return FailureClass.CODE


def message_of(error: BaseException) -> str:
    """
    Return what ``error`` says in at most 300 characters, with no secret and no row of data.

    Our own errors are written for this and only cut where a database quotes a row; of any other
    error the values are taken out, so that the same fault on other data reads the same.
    """
    text = str(error)
    hidden = _HIDDEN if isinstance(error, MLProviderError) else (*_HIDDEN, *_VALUES)
    for pattern, instead in hidden:
        text = pattern.sub(instead, text)
    if not isinstance(error, MLProviderError):
        text = f"{type(error).__qualname__}: {text}"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _noted(
    what: str, note: Callable[[], None], *, needed: type[Exception] | tuple[()] = ()
) -> None:
    try:
        note()
    except needed:
        raise
    except MLProviderError as error:
        log.warning("The %s of this try could not be noted in the ledger: %s", what, error)
    except Exception:  # the side show never fails the show
        log.warning("The %s of this try could not be noted in the ledger.", what, exc_info=True)
