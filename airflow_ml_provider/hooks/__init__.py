"""Thin doors: an Airflow connection becomes a store or a registry."""

from __future__ import annotations
