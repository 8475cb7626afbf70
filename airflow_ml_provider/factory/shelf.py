"""The shelf: a folder below the provider's home, for what can be made again at any time."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from hashlib import blake2b
from zlib import crc32

# What these rooms hold decides what is made of a file.
_ROOMS = ("domain", "factory", "spec")


class Shelf:
    """
    Keeps whole files, each for the installation that wrote it.

    Nothing here fails: what cannot be written is left, and what is not there, damaged, or written
    under another name or by another installation is not found. The folder may be deleted at any
    time.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)
        self._maker = _maker()

    @classmethod
    def of_airflow(cls) -> Shelf:
        """Return the shelf of this installation of Airflow."""
        from airflow.sdk.configuration import conf

        from airflow_ml_provider.hooks.home import home_of

        # Asked of Airflow, which has read its file already.
        return cls(home_of(conf.get("airflow_ml", "home", fallback=None)) / "recipes")

    def fetch(self, name: str) -> bytes | None:
        """Return what was put away under ``name``, or None."""
        try:
            with open(self._place(name), "rb", buffering=0) as file:  # noqa: PTH123  for its speed
                found = file.read()
        except OSError:
            return None
        stamp, _, content = found.partition(b"\n")
        return content if stamp == self._stamp(name, content) else None

    def put(self, name: str, content: bytes) -> None:
        """Put ``content`` away; readers see the old or the new, and the last of two writers counts."""
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103
            handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(self._stamp(name, content) + b"\n" + content)
                os.replace(draft, self._place(name))  # noqa: PTH105
            except BaseException:
                os.unlink(draft)  # noqa: PTH108
                raise

    def _stamp(self, name: str, content: bytes) -> bytes:
        return f"{self._maker} {name} {crc32(content):08x}".encode()

    def _place(self, name: str) -> str:
        return f"{self._folder}/{name}"


def name_of(*parts: str) -> str:
    """Return a file name for ``parts``, whatever their characters and length."""
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return blake2b(text, digest_size=16).hexdigest()


def _maker() -> str:
    """Return what tells this installation apart from one that might make something else."""
    seen = [sys.version]
    package = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
    for room in _ROOMS:
        with os.scandir(f"{package}/{room}") as files:
            states = [(file.name, file.stat()) for file in files if file.name.endswith(".py")]
        seen += [f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in sorted(states)]
    return name_of(*seen)
