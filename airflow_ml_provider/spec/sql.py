"""The SQL: the text of the files that a system names, and text files in general."""

from __future__ import annotations

from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.spec.document import MAX_BYTES
from airflow_ml_provider.spec.fault import Fault, did_you_mean
from airflow_ml_provider.spec.inputs import note_file


class SqlFileError(ConfigurationError):
    """A SQL file that cannot be used, with a hint at the cure."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def read_text(path: Path) -> str:
    """
    Return the text of a file with newlines as they are on Unix.

    :raises OSError: when it cannot be read.
    :raises ValueError: when it is too large, or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        note_file(path, None)
        raise
    note_file(path, content)
    if len(content) > MAX_BYTES:
        msg = f"it is larger than {MAX_BYTES // 1024} KiB"
        raise ValueError(msg)
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def read_select(folder: Path, name: str) -> str:
    """
    Return the text of the SQL file ``name``, which must lie in ``folder`` or below it.

    :raises SqlFileError: when it does not, is not there, cannot be read, or is empty.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            msg = f"the SQL file {name!r} lies outside the folder of the YAML file"
            raise SqlFileError(msg, "Put it beside the YAML file, or into a folder below it.")
        text = read_text(path)
    except FileNotFoundError as error:
        msg = f"there is no SQL file {name!r}"
        raise SqlFileError(msg, _hint(folder, name)) from error
    except (OSError, ValueError) as error:
        msg = f"the SQL file {name!r} cannot be read: {unreadable(error)}"
        raise SqlFileError(msg) from error
    if not text.strip():
        msg = f"the SQL file {name!r} is empty"
        raise SqlFileError(msg, "Write one SELECT.")
    return text


def unread(path: Path, error: OSError | ValueError) -> Fault:
    """Return the fault of a YAML file that could not be read."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return Fault(path, line, 1, "the file is not UTF-8 text", "Save it as UTF-8.")
    return Fault(path, 1, 1, f"the file cannot be read: {unreadable(error)}")


def unreadable(error: OSError | ValueError) -> str:
    """Return why a file could not be read, without its path."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _hint(folder: Path, name: str) -> str:
    if " " in name.strip():
        return "'sql' takes the path of a file. Put the SELECT into one, beside this file."
    found = sorted(str(path.relative_to(folder)) for path in folder.glob("*.sql"))
    return did_you_mean(name, found)
