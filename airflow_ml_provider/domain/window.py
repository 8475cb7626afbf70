"""A window: the half-open slice of time that one partition key names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_ml_provider.domain.errors import WindowError


class Granularity(StrEnum):
    """How much time one partition covers."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def key_format(self) -> str:
        """The ``strftime`` format of this granularity's partition keys."""
        return _KEY_FORMATS[self]

    @property
    def cron(self) -> str:
        """The cron expression that ticks at the start of each partition."""
        return _CRONS[self]

    @property
    def rank(self) -> int:
        """The place in the order hour < day < week < month."""
        return list(Granularity).index(self)


_KEY_FORMATS = {
    Granularity.HOUR: "%Y-%m-%dT%H",
    Granularity.DAY: "%Y-%m-%d",
    Granularity.WEEK: "%Y-%m-%d",
    Granularity.MONTH: "%Y-%m",
}
_CRONS = {
    Granularity.HOUR: "0 * * * *",
    Granularity.DAY: "0 0 * * *",
    Granularity.WEEK: "0 0 * * 1",
    Granularity.MONTH: "0 0 1 * *",
}
# Not compiled here: a task parses its Dag file at every start, and few of them read a key there.
_KEY_SHAPES = {
    Granularity.HOUR: r"\d{4}-\d{2}-\d{2}T\d{2}",
    Granularity.DAY: r"\d{4}-\d{2}-\d{2}",
    Granularity.WEEK: r"\d{4}-\d{2}-\d{2}",
    Granularity.MONTH: r"\d{4}-\d{2}",
}
_KEY_EXAMPLES = {
    Granularity.HOUR: "2013-01-05T14 (an hour, in UTC)",
    Granularity.DAY: "2013-01-05",
    Granularity.WEEK: "2013-01-07 (the Monday it starts on)",
    Granularity.MONTH: "2013-01",
}


@dataclass(frozen=True, slots=True)
class Window:
    """
    One partition: ``[start, end)`` in UTC, and the key that names it.

    A day in a zone with daylight saving time is 23, 24 or 25 hours long.
    """

    key: str
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment.utcoffset() != timedelta(0):
                msg = f"Window {self.key!r}: {name} must be aware and in UTC, got {moment!r}."
                raise WindowError(msg)
        if not self.start < self.end:
            msg = f"Window {self.key!r} is empty: {self.start} is not before {self.end}."
            raise WindowError(msg)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{self.key} [{self.start:%Y-%m-%d %H:%M}, {self.end:%Y-%m-%d %H:%M}) UTC"


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    Granularity and zone: turns keys into windows and back, without gap or overlap.

    Hours are always counted in UTC, since a local hour may happen twice.
    """

    granularity: Granularity
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = (
                f"Unknown time zone {self.timezone!r}. "
                "Write an IANA name such as 'Europe/Berlin' or 'UTC'."
            )
            raise WindowError(msg) from error

    @property
    def zone(self) -> tzinfo:
        """The zone in which partitions begin: UTC for hours, else the declared one."""
        return UTC if self.granularity is Granularity.HOUR else ZoneInfo(self.timezone)

    @property
    def zone_name(self) -> str:
        """The IANA name of :attr:`zone`."""
        return "UTC" if self.granularity is Granularity.HOUR else self.timezone

    def window(self, key: str) -> Window:
        """
        Return the window that ``key`` names.

        :raises WindowError: when the key has another shape, names no real date, or (for weeks)
            does not start on a Monday.
        """
        start = self._parse(key)
        return Window(key, self._utc(start), self._utc(self._after(start)))

    def window_at(self, moment: datetime) -> Window:
        """Return the window that contains the aware ``moment``."""
        if moment.utcoffset() is None:
            msg = f"{moment!r} has no time zone, so it lies in no window. Pass an aware datetime."
            raise WindowError(msg)
        # A plain datetime: pendulum's own moves a midnight that the clock skips.
        plain = datetime(*moment.astimezone(UTC).timetuple()[:6], moment.microsecond, tzinfo=UTC)
        start = self._floor(plain.astimezone(self.zone).replace(tzinfo=None))
        return Window(
            start.strftime(self.granularity.key_format),
            self._utc(start),
            self._utc(self._after(start)),
        )

    def previous(self, window: Window, count: int = 1) -> Window:
        """Return the window ``count`` partitions earlier."""
        for _ in range(count):
            window = self.window_at(window.start - timedelta(microseconds=1))
        return window

    def next(self, window: Window) -> Window:
        """Return the window that begins where this one ends."""
        return self.window_at(window.end)

    def between(self, start: datetime, end: datetime) -> Iterator[Window]:
        """Yield, in order, every window that overlaps ``[start, end)``."""
        window = self.window_at(start)
        while window.start < end:
            yield window
            window = self.next(window)

    def within(self, outer: Window) -> tuple[Window, ...]:
        """Return every window of this calendar that begins inside ``outer``."""
        windows = self.between(outer.start, outer.end)
        return tuple(window for window in windows if window.start >= outer.start)

    def at_most(self, outer: Window) -> int:
        """
        Return how many windows begin inside ``outer``, without walking through them.

        A day that its zone has left out (Pacific/Apia, 30 December 2011) is counted all the same.
        """
        return self._first_from(outer.end) - self._first_from(outer.start)

    def _first_from(self, moment: datetime) -> int:
        """Return the number of the first window that begins at ``moment`` or later."""
        window = self.window_at(moment)
        return self._number(window.start) + (window.start < moment)

    def _number(self, start: datetime) -> int:
        local = start.astimezone(self.zone)
        match self.granularity:
            case Granularity.HOUR:
                return local.toordinal() * 24 + local.hour
            case Granularity.DAY:
                return local.toordinal()
            case Granularity.WEEK:
                return (local.toordinal() - 1) // 7
            case Granularity.MONTH:
                return local.year * 12 + local.month

    def _parse(self, key: str) -> datetime:
        shape = _KEY_SHAPES[self.granularity]
        try:
            if not re.fullmatch(shape, key):
                raise ValueError("another shape")  # noqa: EM101, TRY301
            start = datetime.strptime(key, self.granularity.key_format)  # noqa: DTZ007
        except (TypeError, ValueError) as error:
            msg = (
                f"{key!r} is not a partition key of granularity '{self.granularity}'. "
                f"Write it like {_KEY_EXAMPLES[self.granularity]}."
            )
            raise WindowError(msg) from error
        if start != self._floor(start):
            monday = self._floor(start).strftime(self.granularity.key_format)
            msg = f"{key!r} does not start a week: weeks begin on Monday. Did you mean {monday!r}?"
            raise WindowError(msg)
        return start

    def _floor(self, local: datetime) -> datetime:
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        match self.granularity:
            case Granularity.HOUR:
                return local.replace(minute=0, second=0, microsecond=0)
            case Granularity.DAY:
                return midnight
            case Granularity.WEEK:
                return midnight - timedelta(days=local.weekday())
            case Granularity.MONTH:
                return midnight.replace(day=1)

    def _after(self, start: datetime) -> datetime:
        match self.granularity:
            case Granularity.HOUR:
                return start + timedelta(hours=1)
            case Granularity.DAY:
                return start + timedelta(days=1)
            case Granularity.WEEK:
                return start + timedelta(weeks=1)
            case Granularity.MONTH:
                first = date(start.year + start.month // 12, start.month % 12 + 1, 1)
                return datetime.combine(first, start.time())

    def _utc(self, local: datetime) -> datetime:
        # A midnight that the clock skips (or repeats) still starts a day: the round trip through
        # UTC takes the first instant that exists.
        return local.replace(tzinfo=self.zone).astimezone(UTC)
