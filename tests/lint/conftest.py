"""What the tests of lint share: a system on disk, and its review."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_ml_provider.lint.review import Scope, reviewed
from airflow_ml_provider.spec import World

SYSTEM = """\
system: shop
owner: growth
start: 2026-01-01
sources:
  orders: {table: raw.orders, time: moment}
features:
  spend: {every: day, entity: [customer], time: moment, from: [orders], sql: spend.sql}
"""


@pytest.fixture
def review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Write a system, its SQL and its module, and return what a review says, a line each."""
    monkeypatch.chdir(tmp_path)

    def told(
        text: str = SYSTEM, *, sql: str = "SELECT 1", code: str = "", **scope: object
    ) -> list[str]:
        Path("shop.yaml").write_text(text)
        Path("spend.sql").write_text(sql)
        Path("shop_code.py").write_text(code)
        scope = {"world": World(lenient=True), **scope}
        found = reviewed([Path("shop.yaml")], Scope(**scope))  # type: ignore[arg-type]
        kinds = ("", "warning: ")
        return [f"{each.place}: {kinds[each.warning]}{each.message} {each.hint}" for each in found]

    return told
