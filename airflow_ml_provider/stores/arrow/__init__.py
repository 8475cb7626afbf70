"""Rows as Arrow: on their way in, their types, their hash."""

from __future__ import annotations
