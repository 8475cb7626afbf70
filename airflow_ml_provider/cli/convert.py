"""Convert: our files for one of dag-factory's, written where none of them is yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_provider.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_ml_provider.spec.dagfactory.work import Conversion


def write(conversion: Conversion, into: Path) -> None:
    """
    Write the files of a conversion.

    :raises ConfigurationError: when one of them is there already; then none is written.
    """
    texts = {into / name: text for name, text in conversion.files.items()}
    there = [str(path) for path in texts if path.exists()]
    if there:
        msg = (
            f"{', '.join(there)}: there already. Nothing was written: name another folder, --into."
        )
        raise ConfigurationError(msg)
    into.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        with path.open("x", encoding="utf-8") as file:
            file.write(text)


def told(conversion: Conversion, into: Path) -> Iterator[str]:
    """Yield every note with its line, and what was written."""
    for note in conversion.notes:
        yield f"{note}\n"
    yield from (f"wrote {into / name}" for name in conversion.files)
    count = len(conversion.notes)
    yield f"{count} {'note' if count == 1 else 'notes'} above. Next: airflow-ml lint {into}"
