"""The folder of a table, on a disk or in an object store: files come and go there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import ExhaustedError, UnavailableError
from airflow_ml_provider.stores.lake.files import DataFile, bounds_of
from airflow_ml_provider.stores.lake.location import without_scheme

if TYPE_CHECKING:
    import pyarrow.fs as pa_fs


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
                _synced(Path(self.path, below))
        return brought

    def _bring(self, file: Path, path: str) -> None:
        import pyarrow.fs as pa_fs

        target = f"{self.path}/{path}"
        if self._on_disk:
            _synced(file)
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
            return
        pa_fs.copy_files(
            str(file),
            target,
            source_filesystem=pa_fs.LocalFileSystem(),
            destination_filesystem=self.filesystem,
        )

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

    def drop(self) -> None:
        """Delete the folder with all that is in it; nothing happens when there is none."""
        import pyarrow.fs as pa_fs

        with reached(self.place):
            if self.filesystem.get_file_info(self.path).type is not pa_fs.FileType.NotFound:
                self.filesystem.delete_dir(self.path)


def _synced(path: Path) -> None:
    """Return when the file or folder is on the disk, and not only on its way there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
