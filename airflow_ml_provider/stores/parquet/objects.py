"""A shelf in an object store, which has to refuse to create what exists, and is tried for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    UnavailableError,
)
from airflow_ml_provider.stores.extras import needed
from airflow_ml_provider.stores.lake.location import LakeLocation
from airflow_ml_provider.stores.parquet.shelf import name_of, numbered

_PROBE = "_ml_exclusive"
_RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}


def installed() -> Any:
    """
    Return the library.

    :raises MissingExtraError: when it is not there.
    """
    with needed("obstore", "lake", "A Parquet store in an object store"):
        import obstore
        import obstore.exceptions
        import obstore.store
    return obstore


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn the library's errors into the domain's; those that say "no such object" pass."""
    try:
        yield
    except installed().exceptions.BaseError as error:
        said = str(error).splitlines()[0]
        msg = f"The object store of {place} cannot be used: {said}"
        raise UnavailableError(msg) from error


class Objects:
    """
    What is below the root of a lake in an object store.

    Nothing is created before the store has shown that it refuses to create an object that exists.
    The probe stays there, so that a store that has shown it once needs one request to do it again.
    """

    def __init__(self, location: LakeLocation) -> None:
        self.root = location.root
        self._options = location.storage_options()
        self._proven = False

    @cached_property
    def store(self) -> Any:
        """The library's store."""
        http = self._options.pop("aws_allow_http", None)
        with told(self.root):
            return installed().store.from_url(
                self.root,
                config=self._options,
                client_options={"allow_http": http == "true"},
                retry_config=_RETRIES,
            )

    def create(self, path: str, content: bytes) -> bool:
        """
        Create an object and return True; False when it exists.

        :raises ConfigurationError: when the store would replace an object that exists.
        """
        if not self._proven:
            self._prove()
        return self._created(path, content)

    def _prove(self) -> None:
        if self._created(_PROBE, b"") and self._created(_PROBE, b""):
            self.delete([_PROBE])
            msg = (
                f"The object store of {self.root} has created the object {_PROBE} twice, though "
                "it was asked not to replace it (If-None-Match: *). Two writers could both commit "
                "there, so nothing was written. Use a store with conditional writes, as S3 has."
            )
            raise ConfigurationError(msg)
        self._proven = True

    def _created(self, path: str, content: bytes) -> bool:
        with told(self.root):
            try:
                installed().put(self.store, path, content, mode="create")
            except installed().exceptions.AlreadyExistsError:
                return False
        return True

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; nothing happens when they do not exist."""
        with told(self.root):
            installed().delete(self.store, list(paths))


class ObjectShelf:
    """Documents below a folder of an object store."""

    def __init__(self, objects: Objects, folder: str) -> None:
        self.place = f"{objects.root}/{folder}"
        self._objects = objects
        self._folder = folder

    def numbers(self) -> Sequence[int]:
        """Return the numbers that are there, in order."""
        with told(self.place):
            found = installed().list(self._objects.store, self._folder).collect()
        return numbered(one["path"].rpartition("/")[2] for one in found)

    def read(self, number: int) -> bytes | None:
        """Return a document; None when it is not there (any more)."""
        with told(self.place):
            try:
                return bytes(installed().get(self._objects.store, self._path(number)).bytes())
            except FileNotFoundError:
                return None

    def create(self, number: int, content: bytes) -> bool:
        """Put a document there; False when there is one."""
        return self._objects.create(self._path(number), content)

    def remove(self, numbers: Iterable[int]) -> None:
        """Take documents away."""
        self._objects.delete([self._path(number) for number in numbers])

    def _path(self, number: int) -> str:
        return f"{self._folder}/{name_of(number)}"
