"""Effects: what in a user's function gives another answer when it runs again, by its source."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_ml_provider.spec import Fault

IGNORE = "airflow-ml: ignore"

_CLOCK = "reads the clock", "Take the time from the window: a rerun must see the same."
_CHANCE = "draws chance without a seed", "Seed a generator of its own from params, such as 'seed'."
_SETTING = "reads the environment", "Hand it over as params: then a change of it is seen."
_NETWORK = "talks to the network", "Load it into a table first, and read that as a source."
_WRITING = "writes elsewhere", "Return it: only what is returned is audited and committed."
_PROCESS = "starts a process", "Compute it here, or before the pipeline."

# By the full name of what is called or read; a name with a dot at its end stands for all below.
_KNOWN = {
    **dict.fromkeys(
        (
            "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today",
            "datetime.datetime.utcnow", "pandas.Timestamp.now", "pandas.Timestamp.today",
            "pendulum.now", "pendulum.today", "time.time", "time.time_ns", "time.localtime",
            "time.gmtime",
        ),
        _CLOCK,
    ),
    **dict.fromkeys(("numpy.random.", "random.", "secrets.", "uuid.uuid1", "uuid.uuid4"), _CHANCE),
    **dict.fromkeys(("os.environ", "os.getenv"), _SETTING),
    **dict.fromkeys(
        ("boto3.", "httpx.", "requests.", "socket.", "urllib.request.", "urllib3."), _NETWORK
    ),
    **dict.fromkeys(
        ("os.remove", "os.rename", "os.unlink", "shutil.copy", "shutil.move", "shutil.rmtree"),
        _WRITING,
    ),
    **dict.fromkeys(("os.system", "subprocess."), _PROCESS),
}  # fmt: skip
_GENERATORS = {
    "numpy.random.RandomState", "numpy.random.default_rng", "numpy.random.SeedSequence",
    "random.Random",
}  # fmt: skip
_NO_CALLS = {"numpy.random.Generator", "numpy.random.BitGenerator"}
_SEEDS = {"numpy.random.seed", "random.seed"}
_WRITERS = {"to_csv", "to_excel", "to_json", "to_parquet", "to_pickle", "to_sql", "write_bytes", "write_text"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    text: str
    tree: ast.Module
    names: dict[str, str]


def effects(path: Path, function: str) -> list[Fault]:
    """
    Return a warning for each effect in ``function`` of the module at ``path``.

    What it calls in the same module is looked at too. A line that says ``airflow-ml: ignore`` in a
    comment is left alone.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        return []
    source = _Source(_short(path), text, tree, _imported(tree))
    parts = list(_reached(tree, function.partition(".")[0]))
    seeded = any(_full(call.func, source.names) in _SEEDS and call.args for call in _calls(parts))
    found = [
        _warning(source, node, words, hint)
        for part in parts
        for node in ast.walk(part)
        for words, hint in _found(node, source.names, seeded=seeded)
    ]
    return [fault for fault in dict.fromkeys(found) if IGNORE not in fault.excerpt]


def _short(path: Path) -> Path:
    here = Path.cwd()
    return Path(os.path.relpath(path, here)) if path.is_relative_to(here) else path


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name of a module stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                names[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {
                each.asname or each.name: f"{node.module}.{each.name}" for each in node.names
            }
    return names


def _reached(tree: ast.Module, function: str) -> Iterator[ast.stmt]:
    """Yield the definition of ``function``, and those of the module that it comes to."""
    defined = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    todo, seen = [function], set[str]()
    while todo:
        name = todo.pop()
        if name in seen or name not in defined:
            continue
        seen.add(name)
        yield defined[name]
        todo += [node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)]


def _calls(parts: list[ast.stmt]) -> Iterator[ast.Call]:
    for part in parts:
        yield from (node for node in ast.walk(part) if isinstance(node, ast.Call))


def _found(node: ast.AST, names: dict[str, str], *, seeded: bool) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Call):
        yield from _call(node, names, seeded=seeded)
    elif isinstance(node, ast.Attribute) and _full(node, names) == "os.environ":
        yield f"'os.environ' {_SETTING[0]}", _SETTING[1]


def _call(call: ast.Call, names: dict[str, str], *, seeded: bool) -> Iterator[tuple[str, str]]:
    full = _full(call.func, names)
    verdict = _verdict(full, call, seeded=seeded)
    if verdict is not None:
        yield f"'{full}' {verdict[0]}", verdict[1]
    elif full == "open" and _writes(call):
        yield f"'open' {_WRITING[0]}", _WRITING[1]
    elif isinstance(call.func, ast.Attribute) and call.func.attr in _WRITERS and call.args:
        yield f"'{call.func.attr}' {_WRITING[0]}", _WRITING[1]


def _verdict(full: str, call: ast.Call, *, seeded: bool) -> tuple[str, str] | None:
    if full in _GENERATORS:
        return None if call.args or call.keywords else _CHANCE
    known = next(
        (said for name, said in _KNOWN.items() if full == name or _is_below(full, name)), None
    )
    harmless = full in _SEEDS | _NO_CALLS or (known == _CHANCE and seeded)
    return None if harmless else known


def _is_below(full: str, name: str) -> bool:
    return name.endswith(".") and full.startswith(name)


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(
        isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes
    )


def _full(node: ast.AST, names: dict[str, str]) -> str:
    """Return the dotted name of ``node`` with its import resolved; empty when it has none."""
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    if node.id not in names and node.id != "open":
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(steps)])


def _warning(source: _Source, node: ast.AST, words: str, hint: str) -> Fault:
    assert isinstance(node, ast.expr)  # noqa: S101  what is found is a call or an attribute
    excerpt = source.text.split("\n")[node.lineno - 1]
    inner = node.func if isinstance(node, ast.Call) else node
    same = inner.end_lineno == node.lineno
    length = (inner.end_col_offset or 0) - node.col_offset if same else 1
    return Fault(
        source.path, node.lineno, node.col_offset + 1, words, hint, excerpt, length, warning=True
    )
