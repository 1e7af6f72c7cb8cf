"""Keeps README's figures equal to the newest record.

python benches/report.py [--check | --write]
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(1, str(ROOT / "examples" / "credit"))

import tree_record  # noqa: E402
from compare import LABELS, Measured  # noqa: E402
from record import (  # noqa: E402
    CONTAINERS,
    EMBEDDED,
    FILES,
    MONITORING,
    NETWORKS,
    REQUESTS,
    TREES,
    Figure,
    Record,
)
from tree_record import Timing  # noqa: E402

README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "memory.png"
TREES_PICTURE = ROOT / "docs" / "trees.png"
NO_RECORD = "Not measured yet."
_MARKED = re.compile(r"(<!-- record:(\w+) -->\n).*?(<!-- /record -->)", re.DOTALL)


def table(figures: list[Figure]) -> str:
    head = ["", "measured", "bar", "beside it", "holds"]
    return _markdown(head, [figure.row() for figure in figures])


def comparison(record: Record) -> str:
    head = ["4 workers", "memory of all", "private, each", "peak while loading", "first answer"]
    rows = []
    for said in record.comparison:
        one = Measured(**said)
        rows.append(
            [
                LABELS[one.way],
                f"{one.total / 1e6:,.0f} MB",
                f"{max(one.private) / 1e6:,.1f} MB",
                f"{one.peak / 1e6:,.1f} MB",
                f"{one.first_prediction:.3f} s",
            ]
        )
    return _markdown(head, rows)


def machine(record: Record) -> str:
    files = record.files
    return (
        f"{files['nodes'] / 1e6:.1f} million nodes; joblib file {files['joblib'] / 1e6:,.0f} MB, "
        f"bloc {files['bloc'] / 1e6:,.0f} MB. {measured_on(record)}"
    )


def measured_on(record: Record) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    return (
        f"Measured on {record.date}: "
        f"{record.machine['cpu']}, {record.machine['cores']} cores; {versions}."
    )


def trees(record: Record, timings: list[Timing]) -> str:
    """The times of tree ensembles, their bars, and what was left out."""
    return f"{tree_record.table(timings)}\n\n{bars(record)}"


def bars(record: Record) -> str:
    """The figures of a record, what was left out, and where they were measured."""
    left_out = "\n".join(f"* {what}: {reason}" for what, reason in record.left_out.items())
    said = f"Not measured:\n\n{left_out}\n\n" if left_out else ""
    return f"{table(record.figures)}\n\n{said}{measured_on(record)}"


def newest_bars(folder: Path) -> str:
    """The newest record's figures, where there is one."""
    return bars(Record.newest(folder)) if any(folder.glob("*.json")) else NO_RECORD


def _newest_trees() -> tuple[Record, list[Timing]] | None:
    """The newest record and its times, where there is one."""
    paths = sorted(TREES.glob("*.csv"))
    return (Record.newest(TREES), tree_record.read(paths[-1])) if paths else None


def filled(text: str, record: Record, networks: Record) -> str:
    """The page with the records' words between its marks."""
    of_trees = _newest_trees()
    picture = f"![Time of tree ensembles]({TREES_PICTURE.relative_to(ROOT)})"
    parts = {
        "bars": lambda: table(record.figures),
        "containers": lambda: newest_bars(CONTAINERS),
        "comparison": lambda: comparison(record),
        "machine": lambda: machine(record),
        "embedded": lambda: newest_bars(EMBEDDED),
        "files": lambda: newest_bars(FILES),
        "monitoring": lambda: newest_bars(MONITORING),
        "networks": lambda: bars(networks),
        "requests": lambda: bars(Record.newest(REQUESTS)),
        "trees": lambda: f"{picture}\n\n{trees(*of_trees)}" if of_trees else NO_RECORD,
    }
    return _MARKED.sub(lambda found: f"{found[1]}{parts[found[2]]()}\n{found[3]}", text)


def is_current() -> bool:
    text = README.read_text()
    return filled(text, Record.newest(), Record.newest(NETWORKS)) == text


def write() -> None:
    import tree_picture
    from picture import draw

    record = Record.newest()
    README.write_text(filled(README.read_text(), record, Record.newest(NETWORKS)))
    measured = [Measured(**said) for said in record.comparison]
    draw(measured, record.files["joblib"], record.files["bloc"], PICTURE)
    if of_trees := _newest_trees():
        tree_picture.draw(of_trees[1], TREES_PICTURE)


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, *rows]]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when README has other figures")
    parser.add_argument("--write", action="store_true", help="put the newest figures into README")
    arguments = parser.parse_args()
    if arguments.write:
        write()
    if arguments.check and not is_current():
        print("README.md has other figures than the newest record: run benches/report.py --write")
        return 1
    if not (arguments.write or arguments.check):
        print(table(Record.newest().figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
