"""Checks: what blocks a commit, and what it says."""

from __future__ import annotations

import pytest

from airflow_ml_provider.domain.check import Expectations, audit, measures
from airflow_ml_provider.domain.errors import CheckFailedError

ALL = Expectations(
    rows_min=2,
    rows_max=10,
    not_null=("a",),
    unique=(("a", "b"),),
    between=(("c", 0, None),),
    accepted=(("d", ("x", "y")),),
)
CLEAN = {"rows": 5} | {name: 0 for name, _, _ in measures(ALL)}


def test_a_clean_partition_passes_every_check():
    verdict = audit(ALL, CLEAN)

    assert verdict.passed
    assert len(verdict.findings) == 6
    verdict.require("t", "2013-01-05")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"rows": 1}, "rows failed: 1 rows, required at least 2"),
        ({"rows": 11}, "rows failed: 11 rows, required at most 10"),
        ({"not_null(a)": 3}, "3 of 5 rows are NULL, required none"),
        ({"unique(a, b)": 1}, "1 of 5 rows repeat a key"),
        ({"between(c)": 2}, "2 of 5 rows lie outside, required between 0 and any"),
        ({"accepted(d)": 1}, "required one of x, y"),
    ],
)
def test_each_breach_blocks_and_is_named(changed, says):
    with pytest.raises(CheckFailedError) as caught:
        audit(ALL, CLEAN | changed).require("t", "2013-01-05")
    assert says in str(caught.value)
    assert "Nothing was published" in str(caught.value)


def test_all_breaches_come_at_once():
    verdict = audit(ALL, CLEAN | {"rows": 1, "not_null(a)": 1})

    assert len([finding for finding in verdict.findings if not finding.passed]) == 2
