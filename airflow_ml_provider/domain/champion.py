"""The champion: which model version serves, now and at any earlier time of the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reign:
    """
    One entry of the alias history: from ``epoch`` on, the alias names ``version``.

    ``since`` is the moment of data time from which the version could have served: the end of the
    window whose staleness led to it. Its training data ends at or before that moment.
    """

    epoch: int
    version: str
    since: datetime
    at: datetime
    by: str
    reason: str


def champion_for(history: Iterable[Reign], start: datetime) -> Reign | None:
    """
    Return the champion that may score a window beginning at ``start``, or None.

    It is the latest reign that began at or before ``start`` in data time: a live run gets today's
    champion, a backfilled one the champion of that time, no window is ever scored by a model that
    has seen it, and the answer does not depend on which of two concurrent runs was faster.
    """
    fit = [reign for reign in history if reign.since <= start]
    return max(fit, key=lambda reign: reign.epoch, default=None)
