"""New: a system that runs, written into a folder where none of its files is yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError


def create(name: str, into: Path) -> Iterator[str]:
    """
    Write the files of a system called ``name``, and yield each, then what to do with them.

    :raises ConfigurationError: when one of them is there already; then none is written.
    """
    from airflow_ml_provider.spec.scaffolding import scaffold

    texts = {into / path: text for path, text in scaffold(name).items()}
    there = [path for path in texts if path.exists()]
    if there:
        msg = (
            f"{', '.join(map(str, there))} {'is' if len(there) == 1 else 'are'} there already. "
            "Nothing was written: choose another name, or another folder."
        )
        raise ConfigurationError(msg)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        yield f"wrote {path}"
    yield from _next(name, into)


def _next(name: str, into: Path) -> Iterator[str]:
    features, days = f"airflow-ml run {name}.daily_spend --dags {into}", "1 2 3 4 5 6 7"
    yield "\nIt runs as it is. Try it:\n"
    yield f"  airflow-ml lint {into / name}.yaml"
    yield f"  pytest {into / 'tests' / f'test_{name}.py'}"
    yield f"  python {into / f'{name}_ml' / 'sample.py'}"
    yield f"  for day in {days}; do {features} --partition 2026-01-0$day; done"
    yield f"  airflow-ml run {name}.next_order --dags {into} --partition 2026-01-07"
    yield f"  {features} --partition 2026-01-08"
    yield f"  airflow-ml run {name}.expected_order --dags {into} --partition 2026-01-08"
