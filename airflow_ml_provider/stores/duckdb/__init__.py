"""DuckDB: a file with tables and ledger, and the engine that reads lakes."""

from __future__ import annotations
