"""MySQL and MariaDB: tables and ledger on one server."""

from __future__ import annotations
