"""Measures the bars, prints them, and writes a record of a whole run.

    python benches/run.py [--only memory|speed|tiles|networks]

Answers are compared first, by their bytes; rivals are measured in the same run.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(1, str(ROOT / "examples" / "credit"))

import cold_start  # noqa: E402
import networks  # noqa: E402
import report  # noqa: E402
import throughput  # noqa: E402
import tiles  # noqa: E402
from record import LIBRARIES, NETWORKS, Record  # noqa: E402

PARTS = ["all", "memory", "speed", "tiles", "networks"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, default="all")
    only = parser.parse_args().only
    record = Record.new(LIBRARIES)
    if only in ("all", "memory"):
        figures, compared, record.files = cold_start.measure()
        record.figures += figures
        record.comparison = [asdict(one) for one in compared]
    if only in ("all", "speed"):
        record.figures += throughput.measure()
    if only in ("all", "tiles"):
        record.figures += tiles.measure()
    of_networks = Record.of_networks(networks.measure() if only in ("all", "networks") else [])
    figures = record.figures + of_networks.figures
    print("\n" + report.table(figures))
    written = [record.write()] if only == "all" else []
    if only in ("all", "networks"):
        written.append(of_networks.write(NETWORKS))
    for path in written:
        print(f"\nwritten: {path.relative_to(ROOT)}")
    if written:
        report.write()
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
