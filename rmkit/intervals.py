"""An estimate and how well it is known: a share, or a mean over prompts, with its 95% interval (chapters 1 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from rmkit.checks import check_whole
from rmkit.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Estimate:
    """A number, the ends of its 95% interval, and the number of cases behind it."""

    value: float | None
    low: float
    high: float
    n: int

    def __repr__(self) -> str:
        value = "unknown" if self.value is None else f"{self.value:.3f}"
        return f"{value} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"

    def to_dict(self) -> dict[str, float | int | None]:
        """Its form in JSON: {"value", "low", "high", "n"}."""
        return asdict(self)


def wilson(successes: float, n: int) -> Estimate:
    """The share `successes / n` as an `Estimate`, with Wilson's 95% interval. Half successes may be counted.

    If n is 0, the value is None and the interval (0, 1). The interval takes the cases as independent; the pairs of a
    ranking are not, so for K > 2 the interval is somewhat too narrow.

    Source: Wilson 1927, doi 10.1080/01621459.1927.10502953

    >>> wilson(6, 9)
    0.667 [0.354, 0.879], n = 9
    """
    if n == 0:
        return Estimate(None, 0.0, 1.0, 0)
    z, share = 1.959964, successes / n
    middle = share + z**2 / (2 * n)
    reach = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # Exactly 0 and 1 at the ends, where rounding would leave 2e-19.
    low, high = max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)
    return Estimate(share, min(low, share), max(high, share), n)


def by_prompt(
    values: ArrayLike,
    prompts: Sequence[Any],
    span: tuple[float, float] = (0, 1),
    resamples: int = 2000,
) -> Estimate:
    """The mean of `values` with a 95% interval that draws whole prompts, since pairs of a prompt are not independent.

    The interval is a bootstrap: draw as many prompts as there are, with replacement, take the mean over all their
    values, and repeat. It holds the middle 95% of these means, or a little more: with few prompts the percentile
    interval is too narrow, and is widened as Hesterberg proposes. With fewer than about 20 prompts it remains a rough
    guide.

    Args:
        values: a number for each pair (or ranking), shape (P,).
        prompts: the prompt that each value belongs to, shape (P,).
        span: the smallest and the largest possible value. If all prompts have the same mean, so has every resample.
            Then the interval allows for prompts that were not drawn: their share is the upper end of Wilson's interval
            for 0 of n, and their values lie at either end of the span.
        resamples: how often the prompts are drawn, always with the same seed.

    Raises:
        InputError: if the two lists differ in length.

    Source: Efron 1979, doi:10.1214/aos/1176344552; Hesterberg 2015, arXiv:1411.5279, on the expanded percentile
    interval.

    >>> by_prompt([1, 1, 1, 0, 0, 1], prompts=["a", "a", "a", "b", "b", "c"])
    0.667 [0.000, 1.000], n = 6
    """
    import numpy as np  # here, since loading data needs `wilson` alone
    from scipy.stats import bootstrap, norm, t

    check_whole("resamples", resamples, what="number of draws")
    values = np.asarray(values, dtype=float)
    if len(values) != len(prompts):
        raise InputError(f"there are {len(values)} values and {len(prompts)} prompts; give each value its prompt")
    if not len(values):
        return Estimate(None, float(span[0]), float(span[1]), 0)
    numbers = {prompt: number for number, prompt in enumerate(sorted(set(prompts)))}
    which = [numbers[prompt] for prompt in prompts]  # (P,) an array of long texts would fill the memory
    sums, sizes = np.bincount(which, values), np.bincount(which)  # (prompts,)
    value, n = float(values.mean()), len(sums)
    if n == 1 or np.ptp(sums / sizes) == 0:
        unseen = wilson(0, n).high  # the share of all prompts that may be quite different
        return Estimate(value, value - unseen * (value - span[0]), value + unseen * (span[1] - value), len(values))
    interval = bootstrap(
        (sums, sizes),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        n_resamples=resamples,
        batch=max(1, 1_000_000 // n),
        confidence_level=1 - 2 * norm.sf(sqrt(n / (n - 1)) * t.isf(0.025, n - 1)),
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(value, min(float(interval.low), value), max(float(interval.high), value), len(values))
