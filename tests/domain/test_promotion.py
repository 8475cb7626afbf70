"""Promotion: better on the same rows, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.promotion import PromotionPolicy, Verdict, promotion

RMSE = PromotionPolicy("rmse", better_by=0.01)
finite = st.floats(min_value=0.001, max_value=1e6)


@pytest.mark.parametrize(
    ("policy", "challenger", "champion", "verdict"),
    [
        (RMSE, 9.8, 10.0, Verdict.PROMOTE),
        (RMSE, 9.95, 10.0, Verdict.KEEP),
        (RMSE, 10.5, 10.0, Verdict.KEEP),
        (RMSE, 10.0, None, Verdict.PROMOTE),
        (RMSE, None, 10.0, Verdict.KEEP),
        (RMSE, float("nan"), None, Verdict.KEEP),
        (RMSE, 10.0, float("nan"), Verdict.PROMOTE),
        (PromotionPolicy("accuracy"), 0.91, 0.90, Verdict.PROMOTE),
        (PromotionPolicy("accuracy"), 0.90, 0.90, Verdict.KEEP),
        (PromotionPolicy("profit", higher_is_better=True), -1.0, -2.0, Verdict.PROMOTE),
    ],
)
def test_the_metric_decides(policy, challenger, champion, verdict):
    assert promotion(policy, challenger, champion).verdict is verdict


def test_the_reason_gives_both_values_and_the_requirement():
    reason = promotion(RMSE, 9.95, 10.0).reason

    assert reason == (
        "KEEP, because rmse 9.95 against 10 on the same rows is 0.5% better, required 1.0% better"
    )


@given(finite, finite)
def test_two_models_never_promote_each_other(one, other):
    forward, backward = promotion(RMSE, one, other), promotion(RMSE, other, one)

    assert [forward.verdict, backward.verdict].count(Verdict.PROMOTE) <= 1
