"""Where things rest: tables, their ledger and models. Knows no Airflow."""

from __future__ import annotations
