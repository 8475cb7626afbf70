"""Compile: a stub for each pipeline, written where it is missing, deleted where it is stale."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath, relpath
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from airflow_ml_provider.spec.catalog import files_in

if TYPE_CHECKING:
    from airflow_ml_provider.factory.compilation import Compilation, Stub
    from airflow_ml_provider.spec import Fault


@dataclass(frozen=True, slots=True)
class Work:
    """What a compilation comes to, and the faults of files that it had to leave alone."""

    compilation: Compilation
    faults: tuple[Fault, ...]
    files: int

    @property
    def idle(self) -> bool:
        """Whether there was nothing to look at, which is a mistake in what was named."""
        return not (self.files or self.compilation.stale)


def planned(paths: Sequence[Path], into: Path | None = None) -> Work:
    """Return what there is to do for the YAML files among and below ``paths``."""
    from airflow_ml_provider.factory.compilation import compiled, stubs
    from airflow_ml_provider.factory.world import airflows_world
    from airflow_ml_provider.lint.review import usable

    files = files_in(paths)
    good, faults = usable(files, airflows_world())
    covered = [Path(normpath(each.path.absolute())) for each in good]
    folders = [*paths, *([into] if into else (file.parent for file in files))]
    done = compiled([*stubs(good, into)], _python(folders), covered)
    return Work(done, tuple(faults), len(files))


def carry_out(compilation: Compilation) -> None:
    """Write and delete; a file is replaced whole, so that no reader sees half of one."""
    for stub in (*compilation.added, *compilation.changed):
        _write(stub)
    for path in compilation.stale:
        path.unlink(missing_ok=True)


def told(work: Work, *, check: bool) -> Iterator[str]:
    """Yield a line for each stub that is not as it must be, what stands in the way, and a sum."""
    if work.idle:
        yield "No YAML file of a system was found. Name the file or its folder."
        return
    done = work.compilation
    words = ("missing", "outdated", "stale") if check else ("added", "changed", "deleted")
    paths = ([s.path for s in done.added], [s.path for s in done.changed], done.stale)
    for word, some in zip(words, paths, strict=True):
        yield from (f"{word:<10}{_short(path)}" for path in some)
    for path in done.taken:
        yield f"{'taken':<10}{_short(path)}: somebody else's file; move it, or use --into FOLDER"
    for path in done.loaders:
        yield f"{'twice':<10}{_short(path)}: it makes the same Dags; delete it, the stubs replace it"
    yield from map(str, work.faults)
    counts = [f"{len(some)} {word}" for word, some in zip(words, paths, strict=True) if some]
    yield ", ".join([*counts, f"{len(done.kept)} as they were"])


def _python(folders: Iterable[Path]) -> Mapping[Path, str]:
    """Return the Python files of folders, and of the folders in them that are not hidden."""
    found: dict[Path, str] = {}
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else ():
            if not any(part.startswith(".") for part in path.relative_to(folder).parts):
                text = path.read_text(encoding="utf-8", errors="replace")
                found[Path(normpath(path.absolute()))] = text
    return found


def _write(stub: Stub) -> None:
    stub.path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=stub.path.parent, suffix=".tmp", delete=False) as file:
        file.write(stub.text)
    os.chmod(file.name, 0o644)  # noqa: PTH101  a temporary file is for its maker alone
    Path(file.name).replace(stub.path)


def _short(path: Path) -> str:
    short = relpath(path)
    return str(path) if short.startswith("..") else short
