from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider import spec
from airflow_ml_provider.spec import load
from airflow_ml_provider.spec.inputs import Look, note_environment, note_file, noted

SHOP = """\
system: shop
owner: ${env:SHOP_OWNER}
start: 2026-01-01
sources: {orders: {table: raw.orders, time: at}}
features: {spend: {every: day, entity: [c], time: day, from: [orders], sql: spend.sql}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_OWNER", "growth")
    folder = tmp_path / "dags" / "shop"
    folder.mkdir(parents=True)
    (folder / "spend.sql").write_text("SELECT 1")
    (folder / "shop.yaml").write_text(SHOP)
    (folder.parent / "defaults.yaml").write_text("root: true\n")
    return folder / "shop.yaml"


def inputs_of(path: Path) -> list[tuple[str, str, str]]:
    with noted() as inputs:
        load(path)
    return [(kind, name, seen) for (kind, name), seen in inputs.items()]


def test_everything_that_was_looked_at_is_an_input(shop: Path) -> None:
    folder = shop.parent
    assert {(kind, name) for kind, name, _ in inputs_of(shop)} == {
        ("file", str(shop)),
        ("file", str(folder / "spend.sql")),
        ("file", str(folder / "defaults.yaml")),
        ("file", str(folder.parent / "defaults.yaml")),
        ("env", "SHOP_OWNER"),
    }


def test_no_value_of_the_environment_is_written_down(shop: Path) -> None:
    assert "growth" not in str(inputs_of(shop))


def test_a_look_sees_the_same_until_something_changes(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = inputs_of(shop)
    assert Look().unchanged(seen)

    monkeypatch.setenv("SHOP_OWNER", "others")
    assert not Look().unchanged(seen)


def test_a_value_that_is_no_text_is_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_OWNER", "\udcff")
    with noted() as inputs:
        note_environment("SHOP_OWNER", "\udcff")

    assert Look().unchanged((*key, seen) for key, seen in inputs.items())


def test_what_can_no_longer_be_read_has_changed(shop: Path) -> None:
    seen = inputs_of(shop)
    query = shop.parent / "spend.sql"
    query.unlink()
    query.mkdir()

    assert not Look().unchanged(seen)


def test_a_kind_of_input_that_nobody_can_look_at_has_always_changed() -> None:
    assert not Look().unchanged([("moon", "phase", "")])


def test_a_file_is_noted_as_it_was_read_first(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"second")
    with noted() as inputs:
        note_file(path, b"first")
        note_file(path, b"second")

    assert not Look().unchanged((*key, seen) for key, seen in inputs.items())


def test_outside_of_a_reading_nothing_is_noted(tmp_path: Path) -> None:
    with noted() as inputs:
        pass
    note_file(tmp_path, None)

    assert inputs == {}


def test_names_of_the_room_are_real() -> None:
    for name in spec.__all__:
        assert getattr(spec, name) is not None
        assert name in dir(spec)
    with pytest.raises(AttributeError, match="laod"):
        spec.laod  # noqa: B018
