"""The reference: a store in the memory of one process."""

from __future__ import annotations
