from __future__ import annotations

from pathlib import Path

import pytest

from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.steps.function import arguments, call_in_order, code_of, load


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "town_ml.py").write_text("LIMIT = 3\n\ndef compute(window):\n    return window\n")
    (tmp_path / "town_broken.py").write_text("raise RuntimeError('no licence')\n")
    (tmp_path / "town_needy.py").write_text("import a_library_nobody_has\n")
    return tmp_path


def test_a_function_is_found_by_its_name(package):
    assert load("town_ml:compute")(5) == 5


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("town_ml.compute", "Write 'package.module:function'"),
        ("town_ml:compte", "Did you mean 'compute'?"),
        ("town_mll:compute", "Did you mean 'town_ml'?"),
        ("town_ml:LIMIT", "is int, not a function"),
        ("town_broken:fit", "fails with RuntimeError: no licence"),
        ("town_needy:fit", "No module named 'a_library_nobody_has'"),
    ],
)
def test_a_function_that_cannot_be_had_is_explained(package, reference, said):
    with pytest.raises(FunctionError) as caught:
        load(reference)
    assert said in str(caught.value)


def offers(**values):
    return {name: (lambda value=value: value) for name, value in values.items()}


def test_only_what_is_asked_for_is_made():
    def function(flights):
        return flights

    made = offers(flights=1) | {"weather": lambda: pytest.fail("nobody asked for it")}
    assert arguments("m:f", function, made) == {"flights": 1}


def test_the_rest_goes_to_double_star():
    def function(window, **tables):
        return tables

    given = arguments("m:f", function, offers(window=0, flights=1, weather=2))
    assert given == {"window": 0, "flights": 1, "weather": 2}


def test_a_parameter_with_a_default_may_be_something_else():
    def function(window, scale=2):
        return window * scale

    assert arguments("m:f", function, offers(window=3)) == {"window": 3}


def test_a_parameter_that_names_nothing_is_told_what_there_is():
    def function(window, flight):
        return flight

    with pytest.raises(FunctionError, match="Did you mean 'flights'"):
        arguments("m:f", function, offers(window=1, flights=2))


def test_parameters_at_the_end_may_be_left_out():
    given = [("model", 1), ("batch", 2), ("params", 3)]
    assert call_in_order("m:f", lambda a, b: (a, b), given, required=2) == (1, 2)
    assert call_in_order("m:f", lambda *a: a, given, required=2) == (1, 2, 3)


@pytest.mark.parametrize(
    "function", [lambda a: a, lambda a, b, c, d: a], ids=["too few", "too many"]
)
def test_a_function_of_another_shape_is_told_what_it_is_called_with(function):
    with pytest.raises(FunctionError, match=r"called with \(model, batch, params\)"):
        call_in_order("m:f", function, [("model", 1), ("batch", 2), ("params", 3)], required=2)


def test_code_is_its_module_read_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "heavy_user_code.py"
    module.write_text("raise RuntimeError('a heavy import')\nRATE = 1\n")
    before = code_of("heavy_user_code:fit")
    module.write_text("raise RuntimeError('a heavy import')\nRATE = 2\n")

    assert code_of("heavy_user_code:fit") != before


def test_code_that_is_not_there_is_named() -> None:
    with pytest.raises(FunctionError, match="no_such_module"):
        code_of("no_such_module:fit")
