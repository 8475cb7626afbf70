"""Capabilities: what one kind of store promises and another cannot, as a value to ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """
    What a store can do beyond what the port asks of every one.

    ``atomic_replace``: readers of a table see the old partition or the new one, whole.
    ``row_lock``: two partitions of one table are written at the same time.
    ``ddl_in_transaction``: a first write that fails leaves no table behind.
    ``nan`` and ``infinity``: such numbers are kept; where not, they are refused.
    """

    atomic_replace: bool = True
    row_lock: bool = True
    ddl_in_transaction: bool = True
    nan: bool = True
    infinity: bool = True
