"""A run in a process of its own, so that no measurement disturbs the next."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from tests.bench.figure import Figure

BENCHES = (
    "imports",
    "parsing",
    "duckdb_rows",
    "postgres_rows",
    "postgres_peers",
    "mysql_rows",
    "sqlite_rows",
    "sqlite_peers",
    "lake_rows",
    "verdict",
    "stream",
)
ON_REQUEST = ("factories",)
"""Those that install something: they run when they are named."""
P = ParamSpec("P")
T = TypeVar("T")


def in_fresh_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the answer of ``function``, called in a new interpreter."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args, **kwargs).result()


def measured(name: str, *, quick: bool) -> tuple[list[Figure], dict[str, str]]:
    """Run a benchmark; return its figures and the note on its group."""
    # An installed package is compiled; what is measured here shall be, whatever the shell says.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    bench = importlib.import_module(f"tests.bench.{name}")
    return bench.figures(quick=quick), {bench.GROUP: bench.NOTE}
