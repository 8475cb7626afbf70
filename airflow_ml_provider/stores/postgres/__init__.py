"""PostgreSQL: tables and ledger in one database."""

from __future__ import annotations
