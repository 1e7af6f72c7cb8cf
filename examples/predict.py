"""Scores the rows of a CSV file: `python predict.py BLOC ROWS.csv`.

The file and what is printed are described in predict.rs, and are the same in C, C++, Python and
Rust: for each field `name kind dtype`, for each row its outputs, for each thing found in a row
`row N: status: field: reason`.
"""

from __future__ import annotations

import math
import re
import sys

import monobloc


def shortest(number: float) -> str:
    """The fewest digits that read back as the same number, as Rust's `{:?}` lays them out."""
    if math.isnan(number):
        return "NaN"
    return re.sub(r"e\+?(-?)0*", r"e\1", repr(number))


def predict(bloc: str, rows: str) -> None:
    # Loading maps the file and proves its structure, which costs little whatever the model's size.
    engine = monobloc.load(bloc)
    fields = {field["name"]: field for field in engine.schema["fields"]}
    for name, field in fields.items():
        print(name, field["kind"], field["dtype"])

    with open(rows) as file:
        header, *lines = [line.rstrip("\n").split(",") for line in file]
    if any(len(cells) != len(header) for cells in lines):
        raise ValueError("a line has another number of cells than the first")
    columns = {
        name: [value(fields[name]["kind"], cells[at]) for cells in lines]
        for at, name in enumerate(header)
        if name in fields
    }

    # A bad row is no error: its outputs are NaN, and there is a verdict.
    prediction = engine.run(columns)
    outputs = next(output for name, output in prediction.outputs.items() if name != "label")
    for row in outputs.reshape(len(lines), -1).tolist():
        print(*map(shortest, row))
    findings = prediction.verdicts.findings
    for row, status, name, reason in zip(
        *(findings[key] for key in ("row", "status", "field", "reason")), strict=True
    ):
        print(f"row {row}: {status}: {name}: {reason}")


def value(kind: str, cell: str) -> float | str | None:
    if not cell:
        return None
    return cell if kind == "string" else float(cell)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: predict BLOC ROWS.csv")
    try:
        predict(*sys.argv[1:])
    except (monobloc.MonoblocError, OSError, ValueError) as error:
        sys.exit(f"predict: {error}")
