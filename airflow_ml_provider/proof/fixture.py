"""A pytest fixture: a test of one's own pipelines, in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_ml_provider.proof.trial import Report


@pytest.fixture
def prove_idempotent() -> Callable[..., Report]:
    """
    Return a function that proves a partition of a pipeline idempotent, or fails the test.

    ``prove_idempotent("shop.spend", "2026-01-05", dags="dags")`` takes the name of a pipeline, a
    partition key, the folder with the YAML files and, as ``into``, another scratch schema.
    """

    def prove_it(
        name: str, partition: str, *, dags: str | Path, into: str | None = None
    ) -> Report:
        from airflow_ml_provider.factory.world import airflows_world
        from airflow_ml_provider.proof.laboratory import SCRATCH, prove
        from airflow_ml_provider.proof.report import told
        from airflow_ml_provider.spec.catalog import catalog

        entry = catalog(Path(dags), airflows_world()).find(name)
        report = prove(
            entry.pipeline,
            partition,
            entry.folder,
            datetime.now(UTC),
            store=entry.store,
            registry=entry.registry,
            into=into or SCRATCH,
        )
        if not report.proven:
            pytest.fail(told(report), pytrace=False)
        return report

    return prove_it
