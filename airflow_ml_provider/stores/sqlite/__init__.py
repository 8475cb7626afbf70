"""SQLite: tables and ledger in one file."""

from __future__ import annotations
