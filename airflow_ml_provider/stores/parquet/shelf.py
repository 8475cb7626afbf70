"""A shelf: numbered documents, each put there once and for all by the first who comes."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.stores.lake.folder import reached, synced

_NAME = re.compile(r"([0-9]{12})\.json")
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


class Shelf(Protocol):
    """Where the manifests of one table stand."""

    place: str

    def numbers(self) -> Sequence[int]:
        """Return the numbers that are there, in order."""

    def read(self, number: int) -> bytes | None:
        """Return a document; None when it is not there (any more)."""

    def create(self, number: int, content: bytes) -> bool:
        """Put a document there, durably and whole, and return True; False when there is one."""

    def remove(self, numbers: Iterable[int]) -> None:
        """Take documents away, as well as it can."""


def name_of(number: int) -> str:
    """Return the name of a document."""
    return f"{number:012d}.json"


def numbered(names: Iterable[str]) -> list[int]:
    """Return the numbers of those names that are names of documents, in order."""
    found = (_NAME.fullmatch(name) for name in names)
    return sorted(int(match[1]) for match in found if match)


class DiskShelf:
    """
    A folder of a file system with hard links.

    A document is written aside, and appears under its number when it is on the disk.
    """

    def __init__(self, folder: Path, *, keep_seconds: float) -> None:
        self.place = str(folder)
        self._folder = folder
        self._keep_seconds = keep_seconds

    def numbers(self) -> Sequence[int]:
        """Return the numbers that are there, in order."""
        with reached(self.place):
            try:
                return numbered(file.name for file in self._folder.iterdir())
            except FileNotFoundError:
                return []

    def read(self, number: int) -> bytes | None:
        """Return a document; None when it is not there (any more)."""
        with reached(self.place):
            try:
                return (self._folder / name_of(number)).read_bytes()
            except FileNotFoundError:
                return None

    def create(self, number: int, content: bytes) -> bool:
        """
        Put a document there; False when there is one.

        :raises ConfigurationError: when the file system has no hard links.
        """
        aside = self._folder / f"aside-{uuid4().hex}"
        with reached(self.place):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                _written(aside, content)
                return self._linked(aside, number)
            finally:
                aside.unlink(missing_ok=True)

    def _linked(self, aside: Path, number: int) -> bool:
        try:
            (self._folder / name_of(number)).hardlink_to(aside)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            msg = (
                f"{self.place} lies on a file system without hard links, which put a manifest "
                "into its place whole and once. Choose another folder, or an object store."
            )
            raise ConfigurationError(msg) from error
        for folder in (self._folder, self._folder.parent):
            synced(folder)
        return True

    def remove(self, numbers: Iterable[int]) -> None:
        """Take documents away, and what the killed have written aside."""
        for number in numbers:
            with suppress(OSError):
                (self._folder / name_of(number)).unlink(missing_ok=True)
        for aside in self._folder.glob("aside-*"):
            with suppress(OSError):
                if aside.stat().st_mtime < time.time() - self._keep_seconds:
                    aside.unlink(missing_ok=True)


def _written(file: Path, content: bytes) -> None:
    with file.open("xb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
