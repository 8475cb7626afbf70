"""``python -m airflow_ml_provider.cli``: the same as ``airflow-ml``."""

from __future__ import annotations

from airflow_ml_provider.cli.app import main

if __name__ == "__main__":
    main()
