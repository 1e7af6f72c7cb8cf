"""`monobloc predict` on JSON lines: what `run_json` answers the same objects with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import monobloc
import pytest
from conftest import Credit
from test_predict import answers, predict


def written(rows: list[dict[str, object]], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.NDJSON"])
def test_answers_are_those_of_run_json(credit: Credit, tmp_path: Path, name: str) -> None:
    rows = [{"number": at, **row} for at, row in enumerate(credit.rows * 5)]
    path = written(rows, tmp_path / name)
    out = answers(credit.bloc, path, "--id", "number", "--threads", "3")
    found = [json.loads(line) for line in out.decode().splitlines()]
    body = json.dumps({"rows": credit.rows}).encode()
    expected = json.loads(monobloc.load(credit.bloc).run_json(body))["outputs"]
    assert [row["number"] for row in found] == list(range(len(rows)))
    for key in ("label", "probabilities"):
        assert [row[key] for row in found] == expected[key] * 5


def test_json_lines_and_csv_have_the_same_answers(credit: Credit, tmp_path: Path) -> None:
    credit.frame.to_csv(tmp_path / "rows.csv", index_label="number")
    (tmp_path / "rows.jsonl").write_text(
        "".join(
            json.dumps({key: None if value != value else value for key, value in row.items()})
            + "\n"
            for row in credit.frame.reset_index(names="number").to_dict("records")
        )
    )
    options = ("--id", "number", "--out-format", "csv")
    expected = answers(credit.bloc, tmp_path / "rows.csv", *options)
    assert answers(credit.bloc, tmp_path / "rows.jsonl", *options) == expected
    body = (tmp_path / "rows.jsonl").read_bytes()
    assert answers(credit.bloc, "-", "--format", "jsonl", *options, input=body) == expected


def test_a_wrong_line_is_one_line_and_leaves_nothing(credit: Credit, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(credit.rows[0]) + "\n\n[1, 2]\n")
    run = predict(credit.bloc, path, "--out", tmp_path / "out.jsonl")
    assert (run.returncode, run.stdout) == (1, b"")
    said = run.stderr.decode()
    assert said.startswith(f"monobloc: {path}: line 3: no JSON object: invalid type: sequence")
    assert said.count("\n") == 1
    assert os.listdir(tmp_path) == ["rows.jsonl"]
