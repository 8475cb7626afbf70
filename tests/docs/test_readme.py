"""The README: everything in it is run here, so that it cannot lie."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def blocks(language: str, starting: str = "") -> list[str]:
    return [text for kind, text in BLOCKS if kind == language and text.startswith(starting)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Write the README's first pipeline as it stands there."""
    for language, name in (
        ("yaml", "shop.yaml"),
        ("sql", "customer_spend.sql"),
        ("python", "shop.py"),
    ):
        first = blocks(language)[0]
        assert name in first.splitlines()[0]
        (tmp_path / name).write_text(first)
    return tmp_path


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_opens_with_one_sentence_the_yaml_the_dag_and_the_two_commands():
    first_section = README.split("\n## ")[0]
    kinds = re.findall(r"^```(\w+)$", first_section, re.MULTILINE)

    assert kinds == ["yaml", "sql", "python", "text", "console"]
    assert first_section.split("```console\n")[1].split("```")[0].split() == [
        "make",
        "demo",
        "make",
        "test",
    ]


def test_the_defaults_it_shows_serve_the_smallest_yaml(shop: Path, monkeypatch):
    from airflow_ml_provider.spec import feature_views, load

    monkeypatch.setenv("STAGE", "dev")
    _, defaults = blocks("yaml")
    (shop / "defaults.yaml").write_text(defaults)
    text = (shop / "shop.yaml").read_text()
    for said in ("owner: growth\n", "    every: day\n", "    time: day\n"):
        assert said in text
        text = text.replace(said, "")
    text = text[: text.index("sources:")] + text[text.index("features:") :]
    (shop / "shop.yaml").write_text(text)

    loaded = load(shop / "shop.yaml")

    assert (loaded.system.owner, loaded.system.store) == ("ml-platform", "dev_warehouse")
    assert feature_views(loaded)["customer_spend"].time == "day"


@pytest.mark.airflow
def test_the_smallest_yaml_becomes_the_dag_it_shows(shop: Path):
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(shop / "shop.py"))

    assert bag.import_errors == {}
    title, chain = blocks("text")[0].splitlines()
    (dag,) = bag.dags.values()
    assert dag.dag_id == title.split()[0]
    assert dag.timetable.partitioned
    assert [task.task_id for task in dag.topological_sort()] == chain.split(" >> ")


def test_every_make_target_it_names_exists():
    targets = set(re.findall(r"^(?:make|`make) (\w[\w-]*)", README, re.MULTILINE))

    assert {"demo", "test"} <= targets
    for target in sorted(targets):
        run("make", "--dry-run", target)


def test_every_command_it_shows_runs():
    lines = [line for text in blocks("console") for line in text.splitlines()]
    commands = [line.split() for line in lines if line.startswith("airflow-ml ")]

    assert commands
    for _, *arguments in commands:
        assert run(sys.executable, "-m", "airflow_ml_provider.cli", *arguments)


@pytest.mark.airflow
@pytest.mark.parametrize("example", blocks("python")[1:], ids=lambda text: text.splitlines()[0])
def test_every_python_example_runs(example: str):
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102  our own page


def test_the_tasks_it_lists_are_the_tasks_of_the_shipped_system():
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags" / "flights.py"))
    shown = dict(
        re.findall(r"^\| (feature|training|inference) \| .* \| `(.+?)` \|$", README, re.MULTILINE)
    )

    assert bag.import_errors == {}
    for dag in bag.dags.values():
        (kind,) = (kind for kind in shown if {kind, f"{kind}s"} & dag.tags)
        assert " >> ".join(task.task_id for task in dag.topological_sort()) == shown[kind]


def test_every_file_it_links_to_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_house_it_draws_is_the_house_that_stands():
    (drawing,) = blocks("text", "cli")
    named = {room.strip() for line in drawing.splitlines() for room in line[:20].split(",")}
    standing = {path.parent.name for path in ROOT.glob("airflow_ml_provider/*/__init__.py")}

    assert named == standing
