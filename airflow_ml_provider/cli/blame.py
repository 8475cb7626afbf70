"""A stack trace, cut down to the code that the user wrote."""

from __future__ import annotations

from pathlib import Path
from traceback import TracebackException, walk_tb

import airflow_ml_provider

_OURS = Path(airflow_ml_provider.__file__).parent


def in_user_code(error: BaseException) -> str | None:
    """
    Return the stack trace of ``error`` from where our code called the user's.

    None when there is no such place: the error is then our own, and its whole trace is of use.
    """
    frames = [Path(frame.f_code.co_filename) for frame, _ in walk_tb(error.__traceback__)]
    ours = [number for number, path in enumerate(frames) if path.is_relative_to(_OURS)]
    if not ours or ours[-1] == len(frames) - 1:
        return None
    trace = error.__traceback__
    for _ in range(ours[-1] + 1):
        trace = trace.tb_next if trace else None
    text = TracebackException(type(error), error, trace, compact=True).format()
    return "".join(text).rstrip()
