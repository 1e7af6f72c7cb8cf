"""A row as it should not be, and what the bloc says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import monobloc
import stages
from forest import Table


def show_dirty_row(bloc: Path, table: Table) -> None:
    stages.heading("A dirty row")
    row = stages.records(table.held_out[:1])[0]
    changes = spoil(row, table.numbers, table.categories)
    for name, change in changes.items():
        print(f"{name}: {change}")
    engine = monobloc.load(bloc)
    prediction = engine.run(row)
    verdict = prediction.verdicts[0]
    print(f"\nVerdict: {verdict.status}")
    for finding in verdict.findings:
        print(f"  {finding.field}: {finding.kind}; {finding.reason}")
    outputs = {name: values.tolist()[0] for name, values in prediction.outputs.items()}
    print(f"Answer: {outputs}")


def spoil(row: dict[str, Any], numbers: list[str], categories: list[str]) -> dict[str, str]:
    """Changes the row, in at most four fields; what was done to each."""
    changes = {}

    def put(name: str, value: object) -> None:
        changes[name] = f"{as_json(row[name])} becomes {as_json(value)}"
        row[name] = value

    if numbers:
        put(numbers[0], "not known")
    if len(numbers) > 1:
        put(numbers[-1], 1e15)
    if categories:
        put(categories[0], "unseen")
    if len(categories) > 1:
        changes[categories[-1]] = f"{as_json(row.pop(categories[-1]))} is left away"
    return changes


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
