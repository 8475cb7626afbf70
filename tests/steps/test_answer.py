from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_ml_provider.domain.errors import FunctionError
from airflow_ml_provider.steps.answer import fitted, metrics, rows, table


class Frame:
    """Anything that speaks Arrow, as polars or pandas do."""

    def __init__(self, given):
        self.given = given

    def __arrow_c_stream__(self, requested_schema=None):
        return self.given.__arrow_c_stream__(requested_schema)


def test_any_library_that_speaks_arrow_may_answer():
    given = pa.table({"a": [1, 2]})
    assert rows("m:f", Frame(given), ["a"]).stream.read_all() == given
    assert table("m:f", Frame(given), rows=2) == given


def test_batches_of_a_generator_take_the_types_of_the_first():
    def answer():
        yield pa.table({"a": pa.array([1], pa.int64())})
        yield pa.table({"a": pa.array([2], pa.int32())})

    assert rows("m:f", answer(), ["a"]).stream.read_all() == pa.table({"a": [1, 2]})


def test_what_broke_a_stream_is_remembered_where_arrow_forgets_its_kind():
    def answer():
        yield pa.table({"a": [1]})
        raise ZeroDivisionError("second batch")

    made = rows("m:f", answer(), ["a"])
    with pytest.raises(pa.ArrowInvalid):
        pa.RecordBatchReader.from_stream(Frame(made.stream)).read_all()
    assert [type(error) for error in made.trouble] == [ZeroDivisionError]


@pytest.mark.parametrize("answer", [None, 7, ("model",), ("model", {}, 3)], ids=repr)
def test_a_training_answers_with_a_model_and_its_metrics(answer):
    with pytest.raises(FunctionError, match="Return \\(model, metrics\\)"):
        fitted("m:f", answer)


def test_metrics_become_plain_floats():
    import numpy as np

    assert metrics("m:f", {"rmse": np.float32(0.5), "rows": 3}) == {"rmse": 0.5, "rows": 3.0}


@pytest.mark.parametrize("answer", [[1.0], {"rmse": "low"}], ids=["a list", "a text"])
def test_metrics_that_are_no_numbers_are_refused(answer):
    with pytest.raises(FunctionError, match="number"):
        metrics("m:f", answer)
