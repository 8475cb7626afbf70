"""Retention: what may be thrown away when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.domain.retention import Retention


def test_records_are_kept_for_as_long_as_a_run_may_be_under_way():
    with pytest.raises(ConfigurationError, match="for 7 days, and needs its own"):
        Retention(keep=timedelta(days=1))
    assert Retention(keep=timedelta(days=7)).keep == timedelta(days=7)
