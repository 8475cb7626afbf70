"""What the flights system computes: plain functions that know neither Airflow nor the provider."""

from __future__ import annotations
