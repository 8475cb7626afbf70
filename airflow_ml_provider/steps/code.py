"""The code of a function: its module, and those of its own project that it imports, read unrun."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from airflow_ml_provider.domain.fingerprint import fingerprint

Find = Callable[[str], Path | None]
_INSTALLED = {"site-packages", "dist-packages"}


def code_at(reference: str, find: Find) -> str | None:
    """
    Return the fingerprint of what ``package.module:function`` runs; None when it is in no file.

    A changed constant counts, and so does one in a module beside it that is imported, by way of
    others too. What is installed has its own versions and does not count. Nothing is imported: a
    training's libraries take seconds, and the check of a model is made after every partition.
    """
    texts = _texts(reference.partition(":")[0], find)
    if not texts:
        return None
    alone = len(texts) == 1
    return fingerprint(next(iter(texts.values())) if alone else texts)


def files_in(folders: Sequence[Path]) -> Find:
    """Return what finds the file of a module in ``folders``, then where Python finds modules."""

    def find(name: str) -> Path | None:
        places: list[str] | None = [str(folder.absolute()) for folder in folders]
        part, origin = "", None
        for piece in name.split("."):
            part = f"{part}.{piece}" if part else piece
            found = PathFinder.find_spec(part, places)
            if found is None and part == piece:
                found = PathFinder.find_spec(part)
            if found is None:
                return None
            origin, places = found.origin, list(found.submodule_search_locations or [])
        return _python(origin)

    return find


def importable(name: str) -> Path | None:
    """Return the file of a module that Python would import; of one part by an import hook, too."""
    path = files_in([])(name)
    if path is not None:
        return path
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return _python(found.origin) if found is not None and found.has_location else None


def _python(origin: str | None) -> Path | None:
    return Path(origin) if origin is not None and origin.endswith(".py") else None


def _texts(module: str, find: Find) -> dict[str, str]:
    """Return the texts of a module and of the modules that it leads to, by name."""
    first = find(module)
    if first is None:
        return {}
    root = first.parents[module.count(".") + (first.stem == "__init__")]
    texts: dict[str, str] = {}
    waiting = [(module, first)]
    while waiting:
        name, path = waiting.pop()
        texts[name] = path.read_text(encoding="utf-8")
        for imported in _imported(texts[name], name, is_package=path.stem == "__init__"):
            place = None if imported in texts else find(imported)
            if place is not None and _belongs(place, root, imported, module):
                waiting.append((imported, place))
    return texts


def _belongs(path: Path, root: Path, name: str, module: str) -> bool:
    """Whether a module is of the same project: in the same folder, or in the same package."""
    if not path.is_relative_to(root):
        return False
    if root.name in _INSTALLED:
        return name.partition(".")[0] == module.partition(".")[0]
    return not _INSTALLED & set(path.relative_to(root).parts)


def _imported(text: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the names that a module imports, of which some are modules."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # it says so itself when it is run
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module if is_package else module.rpartition(".")[0])
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of the module that names are imported from."""
    if not node.level:
        return node.module or ""
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{node.module}" if package and node.module else package or node.module or ""
