"""Writes measures.json, the reference of drift/measures/tests.rs; needs scipy (written by 1.17.1).

Each case is a distribution as reference.json has it, live counts in its bins, and what scipy, or
the formula where scipy has none, gives for them.
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon


def numbers(random, counts, *, missing=0, not_finite=0):
    """A distribution of numbers: its edges and means are drawn, its counts are given."""
    edges = np.cumsum(random.exponential(1.0, len(counts)))
    low = np.r_[edges[0] - 1.0, edges[:-1]]
    means = low + (edges - low) * random.uniform(0.1, 0.9, len(edges))
    total = sum(counts)
    mean = float(np.average(means, weights=counts))
    spread = float(np.sqrt(np.average((means - mean) ** 2, weights=counts)))
    values = {
        "not_finite": not_finite,
        "mean": mean,
        "standard_deviation": spread,
        "min": float(low[0]),
        "edges": edges.tolist(),
        "counts": list(counts),
        "means": means.tolist(),
    }
    rows = total + missing + not_finite
    return {"name": "x", "rows": rows, "missing": missing, "values": {"numbers": values}}


def categories(counts, *, other=0, missing=0):
    """A distribution of categories with these counts, the most frequent first."""
    names = [f"c{i}" for i in range(len(counts))]
    values = {"names": names, "counts": list(counts), "other": other, "distinct": len(counts)}
    rows = sum(counts) + other + missing
    return {"name": "x", "rows": rows, "missing": missing, "values": {"categories": values}}


def bins(distribution):
    """The reference's counts in all bins: missing, unusable, and its own."""
    (kind, values), missing = *distribution["values"].items(), distribution["missing"]
    if kind == "numbers":
        return [missing, values["not_finite"], 0, *values["counts"], 0]
    return [missing, 0, *values["counts"], values["other"]]


def groups(distribution):
    """The numbers of the groups of a distribution's own bins."""
    ((kind, values),) = distribution["values"].items()
    counts = values["counts"]
    if kind == "categories":
        named = len(counts)
        if values["other"]:
            named = sum(count >= counts[-1] + 4 * counts[-1] ** 0.5 for count in counts)
        return [min(i, named, 15) for i in range(len(counts) + 1)]
    enough = -(-sum(counts) // 12)
    found, group, held = [0], 0, 0
    for i, count in enumerate(counts):
        found.append(group)
        held += count
        follows = counts[i + 1] if i + 1 < len(counts) else 0
        left = sum(counts[i + 1 :])
        if (held >= enough or follows >= enough) and left >= enough // 2 and left > 0:
            group, held = group + 1, 0
    return [*found, group]


def joined(a, b):
    """Neighbouring bins, joined until both samples are expected to have five rows in each."""
    least = min(sum(a), sum(b)) / (sum(a) + sum(b))
    found, held = [], np.zeros(2)
    for pair in zip(a, b, strict=True):
        held = held + pair
        if held.sum() * least >= 5:
            found.append(held)
            held = np.zeros(2)
    if found:
        found[-1] = found[-1] + held
    return np.array(found).T


def proportions(x, n, y, m):
    """Twice the lesser tail of the hypergeometric distribution, or the chi-square test of many."""
    if x + y in (0, n + m):
        return 1.0
    if min(x + y, n + m - x - y) > 10_000:
        return stats.chi2_contingency([[x, n - x], [y, m - y]], correction=False).pvalue
    table = stats.hypergeom(n + m, n, x + y)
    return float(min(1.0, 2 * min(table.sf(x - 1), table.cdf(x))))


def measured(distribution, live, total):
    """What scipy says of a case."""
    counts = np.array(bins(distribution))
    live = np.array(live)
    ((kind, values),) = distribution["values"].items()
    a, b = counts[2:], live[2:]
    rows, n, m = int(live.sum()), int(b.sum()), int(a.sum())
    found = {}
    for place, name in enumerate(["missing", "unusable"]):
        found[name] = proportions(int(live[place]), rows, int(counts[place]), int(counts.sum()))
    if not n:
        return found
    of = groups(distribution)
    ga, gb = (np.bincount(of, weights=w) for w in (a, b))
    p, q = gb / n, ga / m
    found["jensen_shannon"] = float(jensenshannon(p, q, base=2))
    found["hellinger"] = float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2))
    held = ga + gb > 0
    sp, sq = ((g[held] + 0.5) / (g.sum() + 0.5 * held.sum()) for g in (gb, ga))
    found["psi"] = float(np.sum((sp - sq) * np.log(sp / sq)))
    table = joined(a, b)
    if table.size and table.shape[1] > 1:
        test = stats.chi2_contingency(table, correction=False)
        found["chi_square"] = [float(test.statistic), int(test.dof), float(test.pvalue)]
    if kind == "categories":
        if not values["other"]:
            found["new_categories"] = proportions(int(b[-1]), n, 0, m)
        return found
    statistic = float(np.abs(np.cumsum(a) / m - np.cumsum(b) / n).max())
    found["ks"] = [statistic, float(stats.kstwobign.sf(np.sqrt(n * m / (n + m)) * statistic))]
    places = [values["min"], *values["means"], values["edges"][-1]]
    moved = stats.wasserstein_distance(places, places, b, a)
    scale = values["standard_deviation"] or abs(values["mean"]) or 1.0
    found["wasserstein"] = float(moved / scale)
    shift = total / n
    z = float(shift / np.sqrt(1 / n + 1 / m))
    found["mean_shift"] = [shift, z, float(2 * stats.norm.sf(abs(z)))]
    beyond = int(b[0] + b[-1])
    found["out_of_range"] = float(stats.nbinom.sf(beyond - 1, 2, m / (n + m)))
    return found


def cases(random):
    """Distributions, live counts and the sums of distances."""
    even, zeros = [400] * 50, [40] * 3 + [9000] + [100] * 9
    integers = [500, 3000, 4000, 2000, 300, 200]
    few = [5] * 20
    alike = [numbers(random, even, missing=70, not_finite=3), numbers(random, zeros)]
    alike += [numbers(random, integers, missing=1), numbers(random, few), numbers(random, [300])]
    alike += [categories([900, 90, 10]), categories([7000, 3000], other=20, missing=400)]
    alike += [categories([max(5, 5000 // (i + 1)) for i in range(100)], other=900)]
    alike += [categories([500] * 20), categories([2_000_000, 1_500_000, 70_000], missing=50_000)]
    for distribution in alike:
        counts = np.array(bins(distribution), dtype=float)
        for size, change in [(120, 0.0), (1000, 0.0), (1000, 0.3), (10_000, 1.0), (400_000, 0.02)]:
            weights = counts * np.exp(change * random.normal(size=len(counts)))
            weights[[1, -1]] += change * counts.sum() * random.uniform(0, 0.02, 2)
            weights[2] += change * counts.sum() * random.uniform(0, 0.02)
            live = random.multinomial(size, weights / weights.sum())
            yield distribution, live.tolist(), float(random.normal(0, 1 + change) * size**0.5)
    yield alike[0], [250, *[0] * 53], 0.0


def main():
    """Writes the cases, and the functions beneath them at points of their own."""
    random = np.random.default_rng(8)
    found = []
    for distribution, live, total in cases(random):
        expected = measured(distribution, live, total)
        found.append({"reference": distribution, "live": live, "sum": total, "expected": expected})
    points = np.r_[np.geomspace(1e-3, 30, 60), 0.5, 0.999, 1.0, 1.001]
    tails = [
        [x, df, float(stats.chi2.sf(x, df))] for df in (1, 2, 3, 15, 50, 101) for x in points**2
    ]
    whole = {
        "scipy": scipy.__version__,
        "kolmogorov": [[float(x), float(stats.kstwobign.sf(x))] for x in points],
        "chi_square": tails,
        "cases": found,
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(whole, indent=None, separators=(",", ":"), allow_nan=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
