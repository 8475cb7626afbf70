"""The folder of a table, on a disk or in an object store: files come and go there."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import ExhaustedError, UnavailableError
from airflow_ml_provider.stores.lake.files import DataFile, bounds_of
from airflow_ml_provider.stores.lake.location import without_scheme

if TYPE_CHECKING:
    import pyarrow.fs as pa_fs

_BLOCK = 2**20
_OURS = re.compile(r"part-[0-9a-f]{32}\.parquet")  # as a stage names them


@contextmanager
def reached(place: str) -> Iterator[None]:
    """Turn the errors of a file system into the domain's."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        kind = ExhaustedError if full else UnavailableError
        msg = f"{place} is {'full' if full else 'not to be read or written'}: {error}"
        raise kind(msg) from error


@dataclass(frozen=True, slots=True)
class Sighting:
    """A data file that was found in the folder of a table, and when it was written."""

    path: str
    written: datetime


class Folder:
    """The folder of one table."""

    def __init__(self, filesystem: pa_fs.FileSystem, place: str) -> None:
        self.filesystem = filesystem
        self.place = place
        self.path = without_scheme(place)

    @property
    def _on_disk(self) -> bool:
        return self.path == self.place

    def bring(self, files: Sequence[Path], below: str = "") -> list[DataFile]:
        """Move staged Parquet files here, durably, and return them with what they hold."""
        import pyarrow.parquet as pq

        brought: list[DataFile] = []
        with reached(self.place):
            for file in files:
                footer = pq.read_metadata(file)
                size = file.stat().st_size
                path = f"{below}{file.name}"
                self._bring(file, path)
                brought.append(DataFile(path, footer.num_rows, size, bounds_of(footer)))
            if files and self._on_disk:
                synced(Path(self.path, below))
        return brought

    def _bring(self, file: Path, path: str) -> None:
        target = f"{self.path}/{path}"
        if self._on_disk:
            synced(file)
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
            return
        # Not by pyarrow's copy_files, which says nothing when an upload fails at its very end.
        with file.open("rb") as source, self.filesystem.open_output_stream(target) as upload:
            shutil.copyfileobj(source, upload, _BLOCK)

    def written_before(self, moment: datetime, below: str = "") -> list[DataFile]:
        """Return the Parquet files right in (a part of) the folder that are older than a moment."""
        import pyarrow.fs as pa_fs

        with reached(self.place):
            found = self.filesystem.get_file_info(
                pa_fs.FileSelector(f"{self.path}/{below}".rstrip("/"), allow_not_found=True)
            )
        return [
            DataFile(f"{below}{info.base_name}", None, info.size)
            for info in found
            if info.base_name.endswith(".parquet") and info.mtime < moment
        ]

    def texts(self, below: str, ending: str) -> Iterator[str]:
        """Yield the texts of the files right below a part of the folder."""
        import pyarrow.fs as pa_fs

        selector = pa_fs.FileSelector(f"{self.path}/{below}", allow_not_found=True)
        with reached(self.place):
            for info in self.filesystem.get_file_info(selector):
                if info.base_name.endswith(ending):
                    with self.filesystem.open_input_stream(info.path) as stream:
                        yield stream.read().decode()

    def discard(self, files: Sequence[DataFile]) -> None:
        """Delete files; one that cannot be deleted is only space that is lost."""
        for file in files:
            with suppress(OSError):
                self.filesystem.delete_file(f"{self.path}/{file.path}")

    def deleted(self, paths: Sequence[str]) -> list[str]:
        """Delete files and return those that are not there any more."""
        for path in paths:
            with suppress(OSError):
                self.filesystem.delete_file(f"{self.path}/{path}")
        return self.missing(paths)

    def missing(self, paths: Sequence[str]) -> list[str]:
        """Return those files that are not there."""
        import pyarrow.fs as pa_fs

        if not paths:
            return []
        with reached(self.place):
            found = self.filesystem.get_file_info([f"{self.path}/{path}" for path in paths])
        return [
            path
            for path, info in zip(paths, found, strict=True)
            if info.type is pa_fs.FileType.NotFound
        ]

    def found(self) -> list[Sighting]:
        """Return the data files that are there, whoever brought them."""
        import pyarrow.fs as pa_fs

        with reached(self.place):
            infos = self.filesystem.get_file_info(
                pa_fs.FileSelector(self.path, allow_not_found=True)
            )
        names = [info for info in infos if _OURS.fullmatch(info.base_name)]
        return [Sighting(info.base_name, info.mtime) for info in names]

    def drop(self) -> None:
        """Delete the folder with all that is in it; nothing happens when there is none."""
        import pyarrow.fs as pa_fs

        with reached(self.place):
            if self.filesystem.get_file_info(self.path).type is not pa_fs.FileType.NotFound:
                self.filesystem.delete_dir(self.path)


def synced(path: Path) -> None:
    """Return when the file or folder is on the disk, and not only on its way there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
