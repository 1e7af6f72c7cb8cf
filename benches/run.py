"""Measures the bars, prints them, and writes a record of a whole run.

    python benches/run.py [--only memory|speed|tiles|networks|trees|requests|
                           containers|files|monitoring|embedded]
                          [--size small|default] [--without PEERS]

Answers are compared first, by their bytes; rivals are measured in the same run. Size is that
of tree ensembles, files and calls of the C face, and peers that are left out are those of tree
ensembles; small ones are kept under target/bench, not as a record.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(1, str(ROOT / "examples" / "credit"))

import cold_start  # noqa: E402
import containers  # noqa: E402
import embedded  # noqa: E402
import files  # noqa: E402
import monitoring  # noqa: E402
import networks  # noqa: E402
import report  # noqa: E402
import request_forms  # noqa: E402
import throughput  # noqa: E402
import tiles  # noqa: E402
import tree_models  # noqa: E402
import tree_picture  # noqa: E402
import tree_processes  # noqa: E402
import tree_record  # noqa: E402
import trees  # noqa: E402
from record import (  # noqa: E402
    CONTAINER_LIBRARIES,
    CONTAINERS,
    EMBEDDED,
    EMBEDDED_LIBRARIES,
    FILES,
    LIBRARIES,
    MONITORING,
    NETWORKS,
    REQUESTS,
    TREES,
    Record,
)

PARTS = ["all", "memory", "speed", "tiles", "networks", "trees", "requests", "containers", "files"]
PARTS += ["monitoring", "embedded"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, default="all")
    parser.add_argument("--size", choices=list(tree_models.SIZES), default="default")
    parser.add_argument(
        "--without", default="", help="peers, apart by commas, such as lleaves,tl2cgen"
    )
    arguments = parser.parse_args()
    only = arguments.only
    without = set(filter(None, arguments.without.split(",")))
    if unknown := without - tree_processes.peers():
        parser.error(
            f"--without: {', '.join(sorted(unknown))} is none of "
            f"{', '.join(sorted(tree_processes.peers()))}"
        )
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
    of_requests = Record.new(LIBRARIES)
    if only in ("all", "requests"):
        of_requests.figures = request_forms.measure()
    of_containers = Record.new(CONTAINER_LIBRARIES)
    if only in ("all", "containers"):
        of_containers.figures, of_containers.left_out = containers.measure()
    of_files = Record.new(LIBRARIES)
    if only in ("all", "files"):
        of_files.figures, of_files.left_out = files.measure(arguments.size)
    of_monitoring = Record.new(LIBRARIES)
    if only in ("all", "monitoring"):
        of_monitoring.figures, of_monitoring.left_out = monitoring.measure()
    of_embedded = Record.new(EMBEDDED_LIBRARIES)
    if only in ("all", "embedded"):
        of_embedded.figures, of_embedded.left_out = embedded.measure(arguments.size)
    of_trees = None
    if only in ("all", "trees"):
        of_trees = trees.measure(arguments.size, without)
    figures = record.figures + of_networks.figures + of_requests.figures + of_containers.figures
    figures += of_files.figures + of_monitoring.figures + of_embedded.figures
    if figures:
        print("\n" + report.table(figures))
    written = [record.write()] if only == "all" else []
    if only in ("all", "networks"):
        written.append(of_networks.write(NETWORKS))
    if only in ("all", "requests"):
        written.append(of_requests.write(REQUESTS))
    if only in ("all", "containers"):
        written.append(of_containers.write(CONTAINERS))
    if only in ("all", "files"):
        kept = arguments.size == "default"
        written.append(of_files.write(FILES if kept else files.kept(arguments.size)))
    if only in ("all", "monitoring"):
        written.append(of_monitoring.write(MONITORING))
    if only in ("all", "embedded"):
        kept = arguments.size == "default"
        written.append(of_embedded.write(EMBEDDED if kept else embedded.kept(arguments.size)))
    if of_trees is not None:
        written += _write_trees(of_trees, arguments.size)
    for path in written:
        print(f"\nwritten: {path.relative_to(ROOT)}")
    if any(path.is_relative_to(ROOT / "benches") for path in written):
        report.write()
    held = of_trees is None or of_trees.holds
    return 0 if held and all(figure.holds for figure in figures) else 1


def _write_trees(found: trees.Found, size: str) -> list[Path]:
    """A record, its times beside it; with a picture of its own where it is not kept."""
    kept = size == "default"
    record = found.record
    path = record.write(TREES if kept else tree_processes.kept(size))
    times = path.with_suffix(".csv")
    tree_record.write(found.timings, times)
    print("\n" + report.trees(record, found.timings))
    if kept:
        return [path, times]
    picture = path.with_suffix(".png")
    tree_picture.draw(found.timings, picture)
    return [path, times, picture]


if __name__ == "__main__":
    sys.exit(main())
