"""A journal: the blocks of a DuckDB file that its next checkpoint writes over, as they are now."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import duckdb

# The main header and two heads, of which the one with the higher number counts; both say how large
# a block is.
_HEAD = 3 * 4096
_BLOCK_SIZE = struct.Struct("<Q")
_BLOCK_SIZE_AT = 4096 + 40
_SUM = struct.Struct("<IQ")
_PLACE = struct.Struct("<QQ")
_WRITTEN_OVER = "SELECT block_id FROM pragma_metadata_info() WHERE free_blocks > 0"
_TORN = re.compile(r"Corrupt database file: .* in block at location (\d+)")

# A stream that nobody has read to its end is closed by whichever thread frees it: this one, too.
_lock = threading.RLock()
_held: dict[str, _File] = {}


class _File:
    """
    A file that stays open for reading while the engine has it open in this process.

    Who closes any descriptor of a file gives up all locks that the process has on it, and DuckDB's
    is one of those: so there is one for all, and it is closed last.
    """

    def __init__(self, path: str) -> None:
        self.users = 0
        self.kept = b""
        self._descriptor = os.open(path, os.O_RDONLY)

    def read(self, place: int, count: int) -> bytes:
        return os.pread(self._descriptor, count, place)

    def mode(self) -> int:
        return stat.S_IMODE(os.fstat(self._descriptor).st_mode)

    def close(self) -> None:
        os.close(self._descriptor)


def hold(path: str) -> None:
    """Hold a file that was just opened, or given another cursor, by the engine."""
    name = os.path.realpath(path)
    with _lock:
        if name not in _held:
            _held[name] = _File(name)
        _held[name].users += 1


def release(path: str) -> None:
    """Let go of a file, when what it was held for is closed."""
    name = os.path.realpath(path)
    with _lock:
        file = _held[name]
        file.users -= 1
        if not file.users:
            del _held[name]
            file.close()


def keep(path: str, connection: duckdb.DuckDBPyConnection) -> None:
    """
    Copy the blocks that a checkpoint of a file would write over, before one may begin.

    DuckDB (2.0.0) puts new metadata into the free part of blocks that are in use, and writes each
    of these anew in its place. Of a process that is killed meanwhile such a block is half the new
    and half the old one: what is used in it is right, its checksum is not, and the file can never
    be opened again. A full disk is no reason to fail here: there is no journal then.
    """
    with _lock:
        file = _held[os.path.realpath(path)]
        head = file.read(0, _HEAD)
        if head == file.kept:
            return
        with closing(connection.cursor()) as cursor:
            blocks = cursor.execute(_WRITTEN_OVER).fetchall()
        [size] = _BLOCK_SIZE.unpack_from(head, _BLOCK_SIZE_AT)
        places = [(_HEAD + number * size, size) for (number,) in sorted(blocks)]
        pieces = [_PLACE.pack(*place) + file.read(*place) for place in places]
        with suppress(OSError):
            _put(_beside(path), b"".join([head, *pieces]), file.mode())
            file.kept = head


def mended(path: str, error: Exception) -> bool:
    """
    Give a file its blocks back, if ``error`` says that one is torn and its head is that of then.

    It is the state before the checkpoint, whose log is still there, so nothing is lost that was
    committed. Call it in the gate of the file.
    """
    torn = _TORN.search(str(error))
    journal = _read(_beside(path)) if torn else None
    if torn is None or journal is None:
        return False
    blocks = dict(_blocks(journal))
    with _alone(path) as descriptor:
        if int(torn[1]) not in blocks or os.pread(descriptor, _HEAD, 0) != journal[:_HEAD]:
            return False
        for place, content in blocks.items():
            os.pwrite(descriptor, content, place)
        os.fsync(descriptor)
    return True


def forget(path: str) -> None:
    """Delete the journal of a file that is not there."""
    _beside(path).unlink(missing_ok=True)


@contextmanager
def _alone(path: str) -> Iterator[int]:
    """Open a file for writing, under the lock that DuckDB itself would take."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _beside(path: str) -> Path:
    return Path(f"{path}.journal")


def _put(place: Path, content: bytes, mode: int) -> None:
    # In its place, which is ten times as quick as a new file: no checkpoint begins before it is
    # there, and one that is half there is of no use and not believed.
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT, mode)
    try:
        os.pwrite(descriptor, _SUM.pack(crc32(content), len(content)) + content, 0)
    finally:
        os.close(descriptor)


def _read(place: Path) -> bytes | None:
    try:
        found = place.read_bytes()
    except OSError:
        return None
    if len(found) < _SUM.size:
        return None
    checksum, length = _SUM.unpack_from(found)
    content = found[_SUM.size : _SUM.size + length]
    return content if (crc32(content), len(content)) == (checksum, length) else None


def _blocks(journal: bytes) -> Iterator[tuple[int, bytes]]:
    at = _HEAD
    while at < len(journal):
        place, count = _PLACE.unpack_from(journal, at)
        at += _PLACE.size
        yield place, journal[at : at + count]
        at += count
