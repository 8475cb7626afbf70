"""The ledger: what was claimed, written, trained, promoted and pinned."""

from __future__ import annotations
