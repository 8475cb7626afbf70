"""The mistakes that people make, one a file and a folder a topic: each is told where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.spec import SpecError, World, load

HERE = Path(__file__).parent
TOPICS = sorted(path for path in (HERE / "mistakes").iterdir() if path.is_dir())
WORLD = World(environment={"STAGE": "dev"}, profile=lambda: "dev")

# What dag-factory and Blueprint take in silence, or refuse without a file and a line.
PEERS_ARE_SILENT = {
    "indent_off_by_one",
    "misspelt_dependency",
    "misspelt_retries",
    "misspelt_schedule",
    "retries_in_words",
    "unknown_kind_of_pipeline",
}


def cases(topic: Path) -> dict[str, Path]:
    """Every mistake of a topic: a file, or a folder where it takes more than one."""
    alone = {path.stem: path for path in topic.glob("*.yaml")}
    return dict(
        sorted((alone | {path.parent.name: path for path in topic.glob("*/shop.yaml")}).items())
    )


def told(path: Path) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load(path, WORLD)
    return caught.value


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_each_mistake_is_told_in_these_words(topic: Path, golden):
    said = [
        f"# {name}\n{told(path)}\n".replace(f"{path.parent}/", "")
        for name, path in cases(topic).items()
    ]

    golden(f"mistakes_{topic.name}.txt", "\n".join(said))


def test_there_are_as_many_as_promised():
    files = list((HERE / "broken").glob("*.yaml"))
    texts = {path.read_bytes() for topic in TOPICS for path in cases(topic).values()}

    assert len(files) + len(texts) >= 150


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_each_mistake_points_into_a_file(topic: Path):
    for path in cases(topic).values():
        for fault in told(path).faults:
            lines = fault.path.read_bytes().decode(errors="replace").split("\n")
            assert 1 <= fault.line <= len(lines)
            assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1


def test_the_mistakes_that_others_pass_over_are_told_with_their_line():
    found = cases(HERE / "mistakes" / "peers_are_silent")

    assert set(found) == PEERS_ARE_SILENT
    for path in found.values():
        (fault,) = told(path).faults
        assert fault.path == path
        assert fault.excerpt
