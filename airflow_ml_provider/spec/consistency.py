"""Consistency: what the parts of one system must agree on, beyond the type of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from airflow_ml_provider.domain.window import Granularity
from airflow_ml_provider.spec.fault import did_you_mean
from airflow_ml_provider.spec.feature import Feature
from airflow_ml_provider.spec.reading import write_duration
from airflow_ml_provider.spec.system import System
from airflow_ml_provider.spec.tables import cycles, table_clashes

ALIASES = ("champion", "previous")
SECTIONS = ("sources", "features", "training", "inference")
PIPELINES = SECTIONS[1:]

_SPANS = {
    Granularity.HOUR: timedelta(hours=1),
    Granularity.DAY: timedelta(days=1),
    Granularity.WEEK: timedelta(weeks=1),
}
_LONGEST_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A disagreement: where it stands, what it is, and how to end it."""

    loc: tuple[str | int, ...]
    message: str
    hint: str = ""
    at_key: bool = False


def complaints(
    system: System, declared: Mapping[str, Set[str]], others: Mapping[str, System]
) -> Iterator[Complaint]:
    """
    Yield everything in ``system`` that does not fit together.

    ``others`` holds, by reference, the systems of the features of other systems.

    ``declared`` holds every name that was written in each section, also of entries that are
    faulty and therefore not in ``system``: a reference to such a name is no second fault. Nor is
    one to a section that is not there, because it could not be read at all.
    """
    yield from _times(system)
    yield from _shared_names(system)
    for loc, message in (*table_clashes(system), *cycles(system, _each_once(others))):
        hint = "Give one of them another 'table'." if "table" in loc[2:] else _CYCLE_HINT
        yield Complaint(loc, message, hint, at_key=len(loc) == 2)  # noqa: PLR2004
    for name, feature in system.features.items():
        loc = ("features", name, "from")
        yield from _references(loc, feature.reads, declared, "sources", "source")
        yield from _repeats(("features", name, "entity"), feature.entity)
    known = readable_features(system, others)
    for name in system.training:
        yield from _training(system, name, declared, known)
    for name in system.inference:
        yield from _inference(system, name, declared, known)


_CYCLE_HINT = "Each waits for the other, so none would ever run. Read another table."


def starts_at(system: System, moment: date | datetime) -> datetime:
    """Return a date (its midnight) or a time of the system's zone as an aware moment in UTC."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(system.timezone))
    return moment.astimezone(UTC)


def readable_features(system: System, others: Mapping[str, System]) -> Mapping[str, Feature]:
    """Return every feature that ``system`` may read, by the name under which it does."""
    foreign = {name: other.features[name.rpartition(".")[2]] for name, other in others.items()}
    return {**system.features, **foreign}


def coarsest(known: Mapping[str, Feature], features: tuple[str, ...]) -> Granularity:
    """Return the granularity of the coarsest of ``features``."""
    found = [known[name].every for name in features if name in known]
    return max(found, key=lambda every: every.rank, default=Granularity.DAY)


def _each_once(others: Mapping[str, System]) -> tuple[System, ...]:
    return tuple({other.system: other for other in others.values()}.values())


def default_holdout(window: timedelta, every: Granularity) -> timedelta:
    """Return a fifth of ``window`` in whole partitions of ``every``, and at least one."""
    partition = _SPANS.get(every, timedelta(days=1))
    least = _LONGEST_MONTH if every is Granularity.MONTH else partition
    return max(window // 5 // partition * partition, least)


def _times(system: System) -> Iterator[Complaint]:
    if system.end is not None and starts_at(system, system.end) <= starts_at(system, system.start):
        message = f"{system.end} is not after the start, {system.start}"
        yield Complaint(("end",), message, "The end is exclusive: write the day after the last.")


def _shared_names(system: System) -> Iterator[Complaint]:
    first: dict[str, str] = {}
    for section in PIPELINES:
        for name in getattr(system, section):
            if name in first:
                yield Complaint(
                    (section, name),
                    f"{first[name]}.{name} and {section}.{name} would both make the Dag "
                    f"{system.system}.{name}",
                    "Give one of them another name.",
                    at_key=True,
                )
            first.setdefault(name, section)


def _references(
    loc: tuple[str | int, ...],
    names: tuple[str, ...],
    declared: Mapping[str, Set[str]],
    section: str,
    noun: str,
) -> Iterator[Complaint]:
    yield from _repeats(loc, names)
    for index, name in enumerate(names):
        # A name with a dot is one of another system, and was looked for there.
        if _strange(name, declared, section) and not (section == "features" and "." in name):
            yield Complaint((*loc, index), *_unknown(name, declared, section, noun))


def _strange(name: str, declared: Mapping[str, Set[str]], section: str) -> bool:
    """Whether a section has no such entry; of a value of a matrix that is another's question."""
    return section in declared and name not in declared[section] and "${matrix:" not in name


def _unknown(
    name: str, declared: Mapping[str, Set[str]], section: str, noun: str
) -> tuple[str, str]:
    elsewhere = next((other for other in SECTIONS if name in declared.get(other, ())), None)
    if elsewhere is None:
        return f"unknown {noun} {name!r}", did_you_mean(name, sorted(declared[section]))
    cure = f"Declare its table under '{section}'. " if section == "sources" else ""
    accepted = did_you_mean(name, sorted(declared[section]))
    return f"{name!r} stands under '{elsewhere}' and is no {noun}", cure + accepted


def _repeats(loc: tuple[str | int, ...], names: tuple[str, ...]) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Complaint((*loc, index), f"{name!r} is listed twice", "Keep one of them.")


def _training(
    system: System, name: str, declared: Mapping[str, Set[str]], known: Mapping[str, Feature]
) -> Iterator[Complaint]:
    training = system.training[name]
    loc = ("training", name)
    yield from _references((*loc, "features"), training.features, declared, "features", "feature")
    if _strange(training.label.source, declared, "sources"):
        message, hint = _unknown(training.label.source, declared, "sources", "source")
        yield Complaint((*loc, "label", "from"), message, hint)
    yield from _maturity(system, name)
    if not all(feature in known for feature in training.features):
        return
    yield from _granularities(system, loc, known, training.features, training.every)
    every = coarsest(known, training.features)
    yield from _whole((*loc, "window"), training.window, every)
    if training.holdout is not None:
        yield from _whole((*loc, "holdout"), training.holdout, every)
    holdout = training.holdout or default_holdout(training.window, every)
    if holdout >= training.window:
        written = "holdout" if training.holdout else "window"
        yield Complaint(
            (*loc, written),
            f"a holdout of {write_duration(holdout)} leaves nothing to train on in a window of "
            f"{write_duration(training.window)}",
            "Make the window longer or the holdout shorter.",
        )


def _maturity(system: System, name: str) -> Iterator[Complaint]:
    if system.end is None:
        return
    matures = system.training[name].label.matures
    lasts = starts_at(system, system.end) - starts_at(system, system.start)
    if matures >= lasts > timedelta(0):
        yield Complaint(
            ("training", name, "label", "matures"),
            f"every label lies in the future: it may change for {write_duration(matures)}, and "
            f"the data ends {write_duration(lasts)} after its start",
            "Let labels mature sooner, or move the 'end'.",
        )


def _whole(loc: tuple[str | int, ...], span: timedelta, every: Granularity) -> Iterator[Complaint]:
    # Months differ in length: a span over them reads the months that lie in it whole.
    partition = _SPANS.get(every, timedelta(days=1))
    if span % partition or (every is Granularity.MONTH and span < _LONGEST_MONTH):
        yield Complaint(
            loc,
            f"{write_duration(span)} is not a whole number of partitions of a {every}",
            "Write whole days, at least 31d."
            if every is Granularity.MONTH
            else f"Write a multiple of {write_duration(partition)}.",
        )


def _inference(
    system: System, name: str, declared: Mapping[str, Set[str]], known: Mapping[str, Feature]
) -> Iterator[Complaint]:
    inference = system.inference[name]
    loc = ("inference", name)
    yield from _references((*loc, "features"), inference.features, declared, "features", "feature")
    if _strange(inference.model_name, declared, "training"):
        yield Complaint(
            (*loc, "model"), *_unknown(inference.model_name, declared, "training", "model")
        )
    if inference.alias not in ALIASES:
        hint = did_you_mean(inference.alias, ALIASES)
        yield Complaint((*loc, "model"), f"unknown alias {inference.alias!r}", hint)
    if all(feature in known for feature in inference.features):
        yield from _granularities(system, loc, known, inference.features, inference.every)


def _granularities(
    system: System,
    loc: tuple[str | int, ...],
    known: Mapping[str, Feature],
    features: tuple[str, ...],
    every: Granularity | None,
) -> Iterator[Complaint]:
    wanted = every or coarsest(known, features)
    place = (*loc, "every" if every else "features")
    for feature in features:
        has = known[feature].every
        if wanted.rank < has.rank:
            yield Complaint(
                place,
                f"'every: {wanted}' is finer than its feature {feature!r} ('every: {has}'): there "
                "would be no features to read",
                f"Write 'every: {has}' or coarser, or leave it out.",
            )
        elif {wanted, has} == {Granularity.WEEK, Granularity.MONTH}:
            yield Complaint(
                place,
                f"months cannot be put together from the weeks of {feature!r}: a week may lie in "
                "two months",
                "Use days and months, or days and weeks.",
            )
        elif has is Granularity.HOUR and wanted is not has and _splits_hours(system):
            yield Complaint(
                place,
                f"a {wanted} in {system.timezone} does not begin on a full hour of UTC, so the "
                f"hours of {feature!r} cannot fill it",
                "Use days throughout, or 'timezone: UTC'.",
            )


def _splits_hours(system: System) -> bool:
    zone = ZoneInfo(system.timezone)
    year = system.start.year
    seasons = (datetime(year, month, 1, tzinfo=zone) for month in (1, 7))
    return any((moment.utcoffset() or timedelta()) % timedelta(hours=1) for moment in seasons)
