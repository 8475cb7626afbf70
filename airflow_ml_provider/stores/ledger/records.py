"""Records: rows of the ledger under a key, put there in SQL that every engine speaks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from airflow_ml_provider.stores.connection.session import Session
from airflow_ml_provider.stores.connection.statement import column_list, quoted

Facts = Mapping[str, object]


def added(session: Session, table: str, facts: Facts) -> bool:
    """Insert a record, unless there is one under its key: then return False."""
    return session.added(_insert(table, facts), tuple(facts.values()))


def noted(session: Session, table: str, facts: Facts) -> None:
    """Insert a record of a table without a key, which only grows."""
    session.change(_insert(table, facts), tuple(facts.values()))


def _insert(table: str, facts: Facts) -> str:
    binds = ", ".join(f"${number}" for number in range(1, len(facts) + 1))
    return f"INSERT INTO {table} ({column_list(facts)}) VALUES ({binds})"


def changed(session: Session, table: str, key: Facts, facts: Facts, only_if: str = "") -> bool:
    """
    Change the record under a key; return False when there is none, or not one that qualifies.

    ``only_if`` is a condition on the old record, in which ``:name`` stands for a new fact.
    """
    numbers = {name: f"${number}" for number, name in enumerate((*key, *facts), start=1)}
    wanted = [f"{quoted(name)} = {numbers[name]}" for name in key]
    if only_if:
        wanted.append(re.sub(r":(\w+)", lambda found: numbers[found[1]], only_if))
    news = ", ".join(f"{quoted(name)} = {numbers[name]}" for name in facts)
    text = f"UPDATE {table} SET {news} WHERE {' AND '.join(wanted)}"
    return session.change(text, (*key.values(), *facts.values())) > 0


def put(session: Session, table: str, key: Facts, facts: Facts, only_if: str = "") -> None:
    """Insert a record or change the one that is there, where it qualifies."""
    if changed(session, table, key, facts, only_if):
        return
    if not added(session, table, {**key, **facts}):
        changed(session, table, key, facts, only_if)
