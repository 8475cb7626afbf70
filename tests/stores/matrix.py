"""The matrix of faults: for each fault and store, the test that shows what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ml_provider.stores.open import KINDS

ROOT = Path(__file__).parents[2]
_PLACES = ("place", "lasting_place", "lake_place", "object_place", "server_place")
# Any other database, exchanged in a transaction or kept in versions: on SQLite and PostgreSQL.
_GENERIC = ("generic", "versioned")
_FILES = {"duckdb_file": "duckdb", "sqlite_file": "sqlite"}
# Each fault in the words of the page, with the tests that bring it about.
FAULTS: dict[str, tuple[str, ...]] = {
    "the writer is killed after any step": (
        "test_a_partition_survives_the_death_of_its_writer_whole",
    ),
    "the first writer of a table is killed after any step": (
        "test_a_table_whose_first_writer_dies_is_not_there_or_whole",
    ),
    "the writer is killed at any moment, during the commit too": (
        "test_a_writer_that_is_killed_at_any_moment_leaves_one_of_two_partitions",
    ),
    "a storm of writers, of whom some are killed": (
        "test_a_storm_of_writers_of_whom_some_are_killed_leaves_the_rows_of_one",
    ),
    "the answer to the commit is lost": (
        "test_a_commit_whose_answer_is_lost_has_happened_once",
        "test_who_lost_the_answer_finds_his_own_commit",
        "test_a_commit_that_is_sent_twice_has_happened_once",
    ),
    "the commit does not arrive": (
        "test_a_commit_that_never_arrived_is_not_called_done",
        "test_a_commit_that_never_arrived_fails_and_leaves_the_old_partition",
        "test_a_commit_that_never_comes_through_leaves_the_old_partition",
    ),
    "the connection is cut in the middle of the load": (
        "test_a_connection_that_is_lost_during_the_load_leaves_the_old_partition",
        "test_rows_that_never_come_through_leave_the_old_partition",
    ),
    "a connection that is open at one end only": (
        "test_an_answer_that_never_comes_is_not_waited_for_without_end",
        "test_rows_that_nobody_answers_to_leave_the_old_partition",
        "test_a_commit_that_nobody_answers_to_leaves_the_old_partition",
    ),
    "an attempt is frozen, passed, and thaws": ("test_a_frozen_attempt_never_wins_over_the_next",),
    "attempts race for one partition": (
        "test_processes_that_write_one_partition_at_once_leave_the_rows_of_one",
        "test_of_processes_that_have_claimed_all_but_the_newest_are_fenced",
    ),
    "two partitions are written at once": (
        "test_another_partition_is_written_while_one_is_in_the_middle_of_its_load",
        "test_processes_write_two_partitions_at_once_without_waiting",
    ),
    "the disk is full": (
        "test_a_full_disk_leaves_the_old_partition",
        "test_a_full_disk_leaves_the_old_partition_of_a_lake",
        "test_a_full_database_leaves_the_old_partition",
    ),
    "the table changes between claim and write": (
        "test_a_table_that_was_changed_after_the_claim_refuses_the_rows_of_before",
        "test_a_column_that_somebody_added_after_the_claim_refuses_the_rows_of_before",
    ),
    "a generator raises half way": ("test_the_error_of_a_producer_is_the_error_one_sees",),
    "somebody reads all the while": (
        "test_a_reader_never_sees_a_mixed_partition",
        "test_a_reader_sees_the_old_partition_until_the_commit",
    ),
    "the server dies": ("test_a_server_that_dies_comes_back_with_the_old_or_the_new_partition",),
}
_HEAD = """\
# Faults

What happens to real jobs, and the stores that are held to it by a test. A partition is then the old one or the new one, whole, and the ledger says which.

**test**: in every run of `make test`. **faults**: in the longer runs of `make faults`. A dot: the fault cannot happen there (a store without a network has none to lose), or no test brings it about yet. "generic" and "versioned" are any other database, with transactions and without, as SQLite and PostgreSQL stand for it.
"""


class _Collected:
    """Keeps what pytest has collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items


def page() -> str:
    """Return the page, from the tests that there are."""
    kinds = [*(kind for kind in KINDS if kind != "memory"), *_GENERIC]
    found = _found()
    rows = [
        [fault, *(_cell(found, kind, tests) for kind in kinds)] for fault, tests in FAULTS.items()
    ]
    lines = [["fault", *kinds], ["---"] * (len(kinds) + 1), *rows]
    return f"{_HEAD}\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(found: dict[tuple[str, str], str], kind: str, tests: tuple[str, ...]) -> str:
    runs = {found[test, kind] for test in tests if (test, kind) in found}
    return "test" if "test" in runs else "faults" if runs else "·"


def _found() -> dict[tuple[str, str], str]:
    """Return, for a test and a kind of store, in which runs it is."""
    collected = _Collected()
    # Of the options of the project one chooses tests: here all are wanted.
    options = [
        "--collect-only",
        "-qq",
        "--assert=plain",
        "-m",
        "",
        "-p",
        "no:cacheprovider",
        "--no-header",
    ]
    status = pytest.main([*options, *map(str, _folders())], plugins=[collected])
    if status != pytest.ExitCode.OK:
        msg = f"The tests could not be collected: pytest ended with {status}."
        raise RuntimeError(msg)
    found: dict[tuple[str, str], str] = {}
    for item in collected.items:
        name = item.name.partition("[")[0]
        for kind in _kinds(item):
            quick = item.get_closest_marker("faults") is None
            if quick or (name, kind) not in found:
                found[name, kind] = "test" if quick else "faults"
    return found


def _folders() -> Iterator[Path]:
    yield ROOT / "tests" / "stores"
    yield ROOT / "tests" / "faults"


def _kinds(item: pytest.Item) -> Iterator[str]:
    """Yield the kinds of store that a test is about: its place, or the places it names."""
    given = getattr(getattr(item, "callspec", None), "params", {})
    places = [str(given[name]) for name in _PLACES if name in given]
    names = places or [*getattr(item, "fixturenames", ()), *map(str, given.values())]
    for name in names:
        kind = _FILES.get(name, name.partition("_")[0])
        if kind in KINDS or kind in _GENERIC:
            yield kind
    for kind in ("mysql", "postgres"):
        if not places and item.get_closest_marker(kind):
            yield kind
    if not places and item.path.stem in {"test_delta", "test_iceberg"}:
        yield item.path.stem.removeprefix("test_")


def printed() -> str:
    """Return the page as another process makes it, whose pytest is not the one that runs."""
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout[done.stdout.index("# Faults") :]


if __name__ == "__main__":
    sys.stdout.write(page())
