"""Lint: everything that can be found wrong with systems before any of their Dags runs."""

from __future__ import annotations
