"""Queries: whether the SQL beside a system is one SELECT, and reads the values it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from airflow_ml_provider.spec import Fault, LoadedSystem, World
from airflow_ml_provider.spec.fault import did_you_mean
from airflow_ml_provider.spec.loader import understood
from airflow_ml_provider.spec.sql import read_text
from airflow_ml_provider.stores.connection.statement import named

GIVEN = ("window_start", "window_end", "window_key")

_LINE = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)


def check_queries(loaded: LoadedSystem, world: World) -> Iterator[Fault]:
    """
    Yield what is wrong with the SQL of each feature, without asking its store.

    It is read by DuckDB's parser, where that is installed. For a store that may be another engine
    its word is a warning: almost all of PostgreSQL's and SQLite's SQL is DuckDB's, too.
    """
    for name, sql in loaded.sql.items():
        feature = loaded.system.features[name]
        file = loaded.path.parent / str(feature.sql)
        accepted = (*feature.params, *GIVEN)
        used = list(named(sql))
        for start, value in used:
            if value not in accepted:
                words = f"features.{name}: nothing is given as ':{value}'"
                yield _at(file, sql, start, words, did_you_mean(value, accepted), len(value) + 1)
        read = {value for _, value in used}
        yield from _unread(loaded, name, set(feature.params) - read, world)
        yield from _unparsed(file, sql, loaded.system.store)


def _unread(loaded: LoadedSystem, name: str, unread: set[str], world: World) -> Iterator[Fault]:
    if not unread:
        return
    document = understood(loaded.path, read_text(loaded.path), world)
    for value in sorted(unread):
        words = f"features.{name}: its SQL never reads the param {value!r}"
        place = ("features", name, "params", value)
        hint = f"Write :{value} in the SELECT, or leave it out."
        yield replace(document.fault_at(place, words, hint, at_key=True), warning=True)


def _unparsed(file: Path, sql: str, store: str | None) -> Iterator[Fault]:
    if find_spec("duckdb") is None:
        return
    import duckdb

    text = sql
    for start, _ in reversed(list(named(sql))):
        text = f"{text[:start]}${text[start + 1 :]}"
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        yield replace(_syntax(file, sql, str(error)), warning=store is not None)
        return
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        words = f"this is not one SELECT, but {', '.join(kinds) or 'nothing'}"
        hint = "The store puts the rows of one SELECT into the partition, and runs nothing else."
        yield Fault(file, 1, 1, words, hint, sql.split("\n", maxsplit=1)[0])


def _syntax(file: Path, sql: str, said: str) -> Fault:
    problem = said.partition("\n")[0].removeprefix("Parser Error: ")
    words = f"this SQL cannot be parsed: {problem}"
    found = _LINE.search(said)
    if found is None:
        return Fault(file, 1, 1, words)
    line = int(found[1])
    before = len(found[3]) - len(f"LINE {line}: ")
    lines = sql.split("\n")
    excerpt = lines[line - 1] if line <= len(lines) else ""
    # Of a long line only a part is shown, so the caret counts only where the line is whole.
    whole = len(found[2]) >= len(excerpt.rstrip())
    return Fault(file, line, before + 1 if whole else 1, words, "", excerpt.rstrip())


def _at(file: Path, sql: str, start: int, words: str, hint: str, length: int) -> Fault:
    line, column = sql.count("\n", 0, start), start - sql.rfind("\n", 0, start) - 1
    return Fault(file, line + 1, column + 1, words, hint, sql.split("\n")[line], length)
