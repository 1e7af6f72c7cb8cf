"""Writes exponential.csv, the reference of model/exponential/tests.rs; needs mpmath.

A row is a function, the bits of an argument, the bits of the double (or float32) nearest to the
true value, and by how many millionths of a unit in the last place the true value is greater.
"""

import random
import struct
import sys
from pathlib import Path

from mpmath import mp, mpf

mp.prec = 160
FORMATS = {"exp_f32": ("<f", "<I", 24, -149)}
DOUBLE = ("<d", "<Q", 53, -1074)


def row(function, of, x):
    """The row, or None where the result is zero or not finite."""
    float_format, bits_format, digits, least = FORMATS.get(function, DOUBLE)

    def bits(value):
        return struct.unpack(bits_format, struct.pack(float_format, value))[0]

    x = struct.unpack(float_format, struct.pack(float_format, x))[0]
    true = of(mpf(x))
    unit = mpf(2) ** max(mp.frexp(true)[1] - digits, least)
    whole = mp.nint(true / unit)
    if whole == 0 or whole * unit >= mpf(2) ** (128 if function in FORMATS else 1024):
        return None
    excess = int(mp.nint((true / unit - whole) * 1_000_000))
    return f"{function},{bits(x):x},{bits(float(whole * unit)):x},{excess}"


def rows(function, of, ranges, edges, n_hard, n_tried):
    """Edges, arguments of each range, and those of many whose values lie nearest to a tie."""

    def uniform(n):
        return (random.uniform(*ranges[i % len(ranges)]) for i in range(n))

    def hardness(line):
        return -abs(int(line.rsplit(",", 1)[1]))

    found = [row(function, of, x) for x in edges]
    found += [row(function, of, x) for x in uniform(80 * len(ranges))]
    tried = (row(function, of, x) for x in uniform(n_tried))
    found += sorted((line for line in tried if line), key=hardness)[:n_hard]
    return [line for line in found if line]


def main():
    random.seed(1)
    tiny = [
        s * 2.0**-e for e in (1, 8, 9, 20, 40, 51, 52, 53, 54, 60, 200, 1022, 1074) for s in (1, -1)
    ]
    natural = [(-745.2, 709.79), (-745.2, -708), (-40, 40), (-1, 1), (-0.01, 0.01), (709, 709.79)]
    limits = [709.782712893384, -708.3964185322641, -708.3964185322642, -745.1332191019411, 1.0]
    binary = [(-1075, 1024), (-1075, -1021), (-20, 0), (-1, 1)]
    positive = [(0, 1), (0, 1 / 64), (1 / 64, 1 / 32), (0, 1000), (0, 1e17)]
    single = [(-104, 88.73), (-104, -87), (-1, 1), (-0.01, 0.01)]
    lines = ["function,argument,nearest,excess"]
    lines += rows("exp", mp.exp, natural, tiny + limits, 600, 60_000)
    lines += rows(
        "exp2", lambda x: mpf(2) ** x, binary, [*tiny, 1023.9999999999999, -1074.5], 150, 20_000
    )
    large = [2.0**e for e in (-6, 0, 1, 20, 52, 53, 54, 1023)]
    lines += rows("ln_1p", mp.log1p, positive, [x for x in tiny if x > 0] + large, 150, 20_000)
    lines += rows("exp_f32", mp.exp, single, [88.7, 88.72283, -87.33655, -103.97207], 150, 20_000)
    growth = [(-40, 40), (-1, 1), (-0.25, 0.25), (0.25, 0.7), (-0.7, -0.25), (-0.01, 0.01)]
    lines += rows("exp_m1", mp.expm1, growth, [*tiny, 709.7, -37.5, 0.25, -0.25], 150, 20_000)
    shares = [(0, 1), (0.9, 1), (0.999999, 1), (0, 1e-6), (1, 1.1), (1, 1e6)]
    small = [x for x in tiny if x > 0] + [1 - 2.0**-53, 1 - 2.0**-30, 5e-320, 1 + 2.0**-52]
    lines += rows("ln", mp.log, shares, small + large, 150, 20_000)
    Path(__file__).with_suffix(".csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
