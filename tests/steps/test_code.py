"""The code of a function: which files count, and which do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.steps.code import code_at, files_in
from airflow_ml_provider.steps.function import code_of

FILES = {
    "steps.py": "import numpy\nfrom lib import money\nfrom lib.dates import day\n\ndef fit(): ...\n",
    "unused.py": "RATE = 1\n",
    "numpy.py": "",
    "lib/__init__.py": "ZONE = 'UTC'\n",
    "lib/money.py": "from . import rates\n",
    "lib/rates.py": "from ..steps import fit\nfrom .deep.er import TAX\nRATE = 1\n",
    "lib/dates.py": "import lib.money\n",
    "lib/deep/__init__.py": "",
    "lib/deep/er.py": "TAX = 1\n",
    "lib/other.py": "",
    ".venv/lib/site-packages/pandas.py": "VERSION = 1\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def code(project: Path) -> str | None:
    return code_at("steps:fit", files_in([project, project / ".venv/lib/site-packages"]))


@pytest.mark.parametrize(
    "name",
    [
        "steps.py",
        "lib/__init__.py",
        "lib/money.py",
        "lib/rates.py",
        "lib/dates.py",
        "lib/deep/er.py",
    ],
)
def test_a_change_in_a_module_that_the_function_leads_to_is_a_change_of_its_code(
    project: Path, name: str
) -> None:
    before = code(project)
    (project / name).write_text(FILES[name] + "# changed\n")
    assert code(project) != before
    (project / name).write_text(FILES[name])
    assert code(project) == before


@pytest.mark.parametrize(
    "name", ["unused.py", "lib/other.py", ".venv/lib/site-packages/pandas.py"]
)
def test_a_change_elsewhere_is_none(project: Path, name: str) -> None:
    (project / "lib" / "dates.py").write_text("import pandas\n")
    before = code(project)
    (project / name).write_text("CHANGED = 1\n")
    assert code(project) == before


def test_a_module_that_comes_to_be_imported_counts_from_then_on(project: Path) -> None:
    (project / "steps.py").write_text(FILES["steps.py"] + "import unused\n")
    before = code(project)
    (project / "unused.py").write_text("RATE = 2\n")
    assert code(project) != before


def test_of_an_installed_package_its_own_modules_count(project: Path) -> None:
    installed = project / ".venv/lib/site-packages"
    (installed / "town").mkdir()
    (installed / "town" / "__init__.py").write_text("")
    (installed / "town" / "ml.py").write_text("import pandas\nfrom town import rates\n")
    (installed / "town" / "rates.py").write_text("RATE = 1\n")

    def found() -> str | None:
        return code_at("town.ml:fit", files_in([installed]))

    before = found()
    (installed / "pandas.py").write_text("VERSION = 2\n")
    assert found() == before
    (installed / "town" / "rates.py").write_text("RATE = 2\n")
    assert found() != before


def test_a_module_that_does_not_parse_is_known_by_its_text(project: Path) -> None:
    (project / "steps.py").write_text("def fit(:\n")
    before = code(project)
    (project / "lib" / "money.py").write_text("")
    assert code(project) == before


def test_code_is_the_same_wherever_the_project_lies_and_whoever_asks(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name, text in FILES.items():
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_text(text)
    assert code(elsewhere) == code(project)
    monkeypatch.syspath_prepend(str(project / "lib"))
    assert code_of("money:fit") == code_at("money:fit", files_in([project / "lib"]))
