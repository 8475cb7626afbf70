"""A check: what one partition must look like before anyone may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_ml_provider.domain.errors import CheckFailedError

Number = int | float


@dataclass(frozen=True, slots=True)
class Expectations:
    """
    What is required of a partition, as one value.

    ``unique`` holds groups of columns; ``between`` maps a column to inclusive bounds, either of
    which may be None; ``accepted`` maps a column to its allowed values. NULLs pass ``between`` and
    ``accepted``: say ``not_null`` to refuse them.
    """

    rows_min: int | None = None
    rows_max: int | None = None
    not_null: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    between: tuple[tuple[str, Number | None, Number | None], ...] = ()
    accepted: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One check on one partition: what was required, what was seen, and whether it passed."""

    check: str
    passed: bool
    observed: str
    required: str

    def __str__(self) -> str:
        verb = "passed" if self.passed else "failed"
        return f"{self.check} {verb}: {self.observed}, required {self.required}"


@dataclass(frozen=True, slots=True)
class Audit:
    """Every finding on one partition; it passes when all of them do."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(finding.passed for finding in self.findings)

    def require(self, table: str, key: str) -> None:
        """
        Return when all checks passed.

        :raises CheckFailedError: listing every check that failed.
        """
        failed = [str(finding) for finding in self.findings if not finding.passed]
        if failed:
            msg = (
                f"{table} {key}: {'; '.join(failed)}. Nothing was published, readers still see "
                "the earlier partition. Mend the data or the check, then run this task again."
            )
            raise CheckFailedError(msg)


def measures(expectations: Expectations) -> tuple[tuple[str, str, tuple[object, ...]], ...]:
    """
    Return what a store must count to judge ``expectations``: (measure name, kind, arguments).

    Kinds: ``nulls(column)``, ``duplicates(*columns)``, ``outside(column, low, high)``,
    ``unaccepted(column, *values)``. Each is a number of rows (for ``duplicates``: rows beyond the
    first of their key). The row count itself is always measured, as ``rows``.
    """
    wanted: list[tuple[str, str, tuple[object, ...]]] = []
    wanted += [(f"not_null({c})", "nulls", (c,)) for c in expectations.not_null]
    wanted += [(f"unique({', '.join(g)})", "duplicates", tuple(g)) for g in expectations.unique]
    wanted += [(f"between({c})", "outside", (c, lo, hi)) for c, lo, hi in expectations.between]
    wanted += [(f"accepted({c})", "unaccepted", (c, *vs)) for c, vs in expectations.accepted]
    return tuple(wanted)


def audit(expectations: Expectations, counts: Mapping[str, int]) -> Audit:
    """Judge ``counts`` (by measure name, with ``rows``) against ``expectations``."""
    rows = counts["rows"]
    findings: list[Finding] = []
    if expectations.rows_min is not None:
        low = expectations.rows_min
        findings.append(Finding("rows", rows >= low, f"{rows:,} rows", f"at least {low:,}"))
    if expectations.rows_max is not None:
        high = expectations.rows_max
        findings.append(Finding("rows", rows <= high, f"{rows:,} rows", f"at most {high:,}"))
    for name, kind, arguments in measures(expectations):
        count = counts[name]
        findings.append(
            Finding(
                name,
                count == 0,
                f"{count:,} of {rows:,} rows {_BREACH[kind]}",
                _bound(kind, arguments),
            )
        )
    return Audit(tuple(findings))


_BREACH = {
    "nulls": "are NULL",
    "duplicates": "repeat a key",
    "outside": "lie outside",
    "unaccepted": "have another value",
}


def _bound(kind: str, arguments: tuple[object, ...]) -> str:
    match kind:
        case "outside":
            low, high = arguments[1:]
            return f"between {'any' if low is None else low} and {'any' if high is None else high}"
        case "unaccepted":
            return f"one of {', '.join(map(str, arguments[1:]))}"
    return "none"
