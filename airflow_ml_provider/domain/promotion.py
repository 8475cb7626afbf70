"""Promotion: may the challenger take the champion's place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_HIGHER_IS_BETTER = frozenset(
    {"accuracy", "auc", "average_precision", "f1", "precision", "r2", "recall"}
)


class Verdict(StrEnum):
    """PROMOTE: the challenger becomes champion. KEEP: the champion stays."""

    PROMOTE = "PROMOTE"
    KEEP = "KEEP"


@dataclass(frozen=True, slots=True)
class PromotionPolicy:
    """
    The metric that decides, and by which fraction the challenger must be better.

    ``higher_is_better`` is known for the usual metrics and must be said for others.
    """

    metric: str
    better_by: float = 0.0
    higher_is_better: bool | None = None

    @property
    def rises(self) -> bool:
        """Whether a higher value of the metric is better."""
        if self.higher_is_better is not None:
            return self.higher_is_better
        return self.metric in _HIGHER_IS_BETTER


@dataclass(frozen=True, slots=True)
class Promotion:
    """The verdict and its reason in one sentence."""

    verdict: Verdict
    reason: str


def promotion(
    policy: PromotionPolicy, challenger: float | None, champion: float | None
) -> Promotion:
    """
    Judge a challenger against a champion on the same frozen set.

    Both are values of ``policy.metric``; ``champion`` is None when there is none. A challenger
    with no value, or NaN, is never promoted. Improvement is relative to the champion's magnitude.
    """
    name = policy.metric
    if challenger is None or challenger != challenger:  # noqa: PLR0124  NaN
        return Promotion(Verdict.KEEP, f"KEEP, because the challenger has no {name}")
    if champion is None or champion != champion:  # noqa: PLR0124
        return Promotion(
            Verdict.PROMOTE, f"PROMOTE, because there is no champion ({name} {challenger:.4g})"
        )
    gain = (challenger - champion) if policy.rises else (champion - challenger)
    required = policy.better_by * abs(champion)
    verdict = Verdict.PROMOTE if gain > 0 and gain >= required else Verdict.KEEP
    return Promotion(
        verdict,
        f"{verdict}, because {name} {challenger:.4g} against {champion:.4g} on the same rows is "
        f"{_relative(gain, champion)}, required {policy.better_by:.1%} better",
    )


def _relative(gain: float, champion: float) -> str:
    if champion == 0:
        return f"{gain:+.4g} better"
    share = gain / abs(champion)
    return f"{share:.1%} better" if share >= 0 else f"{-share:.1%} worse"
