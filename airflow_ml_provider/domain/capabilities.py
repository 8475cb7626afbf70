"""Capabilities: what one kind of store promises and another cannot, as a value to ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """
    What a store can do beyond what the port asks of every one.

    ``atomic_replace``: readers of a table see the old partition or the new one, whole.
    ``transactions``: rows and ledger are changed in one transaction; where not, rows are kept in
    versions and readers look through a view.
    ``row_counts``: an UPDATE of one row is atomic and tells whether it found it.
    ``unique_keys``: a second row with the same primary key is refused.
    ``consistent_reads``: one SELECT sees one moment of the whole store.
    ``row_lock``: two partitions of one table are written at the same time.
    ``ddl_in_transaction``: a first write that fails leaves no table behind.
    ``empty_text``: text without a letter is kept, apart from NULL.
    ``nan`` and ``infinity``: such numbers are kept; where not, they are refused.
    ``new_versions``: a table is renamed in the transaction that fills its successor, which
    ``schema: new_version`` asks for.
    """

    atomic_replace: bool = True
    transactions: bool = True
    row_counts: bool = True
    unique_keys: bool = True
    consistent_reads: bool = True
    row_lock: bool = True
    ddl_in_transaction: bool = True
    empty_text: bool = True
    nan: bool = True
    infinity: bool = True
    new_versions: bool = False
