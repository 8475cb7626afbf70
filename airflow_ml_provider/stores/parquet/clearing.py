"""The clearing of a table's folder: files that no reader needs, and when they may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow_ml_provider.stores.lake.folder import Sighting
from airflow_ml_provider.stores.parquet.manifest import Manifest

KEPT_MANIFESTS = 20
"""Who has listed the manifests has so many commits' time to read the newest."""

_LOOK_EVERY = 20


def looks_for_strays(number: int) -> bool:
    """Whether the commit of this number lists the whole folder, which takes its time."""
    return number % _LOOK_EVERY == 0


def due(manifest: Manifest, now: float) -> list[str]:
    """Return the files that may be deleted: those condemned in an earlier commit, in time."""
    return [path for path, until in manifest.condemned.items() if until <= now]


def strays(found: Iterable[Sighting], known: Iterable[Iterable[str]], before: float) -> list[str]:
    """Return files that nobody knows and that were written before a moment: their writer died."""
    names = {path for paths in known for path in paths}
    return [
        one.path for one in found if one.path not in names and one.written.timestamp() < before
    ]


def condemned(
    seen: Mapping[str, float],
    gone: Iterable[str],
    removed: Iterable[str],
    stray: Iterable[str],
    *,
    now: float,
    keep_seconds: float,
) -> dict[str, float]:
    """
    Return who is condemned by the next commit.

    What readers may still read is kept for a while. A stray was never read: it may go as soon as
    the commit that condemns it is there, for nobody can commit it from then on.
    """
    left = {path: until for path, until in seen.items() if path not in set(gone)}
    return left | dict.fromkeys(removed, now + keep_seconds) | dict.fromkeys(stray, now)
