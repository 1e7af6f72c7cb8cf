"""`monobloc bench`: what it measures, and what it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import monobloc
import pytest
from conftest import Credit
from test_predict import COMMAND


def bench(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, text=True)


def measured(*arguments: Any) -> dict[str, Any]:
    run = bench(*arguments, "--json", "--seconds", "0.3")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def check(one: dict[str, Any]) -> None:
    assert one["calls"] >= 1
    assert one["rows_per_second"] == pytest.approx(one["calls_per_second"] * one["rows_per_call"])
    each = one["rows_per_second"] / one["threads"]
    assert one["rows_per_second_and_thread"] == pytest.approx(each)
    seconds = one["seconds"]
    assert 0 < seconds["p50"] <= seconds["p99"] <= seconds["p999"] < 60


def test_batches_and_single_rows_are_measured(credit: Credit) -> None:
    found = measured(credit.bloc, "--threads", "2")
    assert found["threads"] == 2
    assert found["rows"] > 0
    assert found["rows_from"] is None
    calls = [(one["call"], one["threads"], one["rows_per_call"]) for one in found["measured"]]
    assert calls == [
        ("batch", 1, 10_000),
        ("batch", 2, 10_000),
        ("row", 1, 1),
        ("json", 1, 1),
        ("json", 2, 1),
    ]
    for one in found["measured"]:
        check(one)
    by_call = {(one["call"], one["threads"]): one for one in found["measured"]}
    assert by_call["batch", 1]["rows_per_second"] > by_call["json", 1]["rows_per_second"]
    one = measured(credit.bloc, "--threads", "1")["measured"]
    assert [(measure["call"], measure["threads"]) for measure in one] == [
        ("batch", 1),
        ("row", 1),
        ("json", 1),
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "feather"])
def test_rows_are_those_of_a_file(credit: Credit, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    if ending == "csv":
        credit.frame.to_csv(path, index=False)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in credit.rows))
    else:
        credit.frame.to_feather(path)
    found = measured(credit.bloc, path)
    assert found["rows"] == len(credit.frame)
    assert found["rows_from"] == str(path)


def test_the_table_names_what_it_shows(credit: Credit) -> None:
    run = bench(credit.bloc, "--seconds", "0.2", "--threads", "2")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith(f"{credit.bloc}: ")
    assert "golden rows" in lines[0]
    assert "2 threads (--threads)" in lines[1]
    assert lines[3].split() == [
        "threads",
        "calls/s",
        "rows/s",
        "per",
        "thread",
        "p50",
        "p99",
        "p99.9",
    ]
    assert [line.split("  ")[0] for line in lines[4:9]] == [
        "batches of 10,000",
        "batches of 10,000",
        "one row, typed",
        "one row as JSON",
        "one row as JSON",
    ]
    assert len({len(line) for line in lines[3:9]}) == 1
    assert lines[-1].startswith("Other work on the machine shows in these figures")


def test_what_cannot_be_measured_is_one_line(credit: Credit, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(",".join(credit.frame) + "\n")
    cases: list[tuple[list[Any], str]] = [
        ([tmp_path / "no.bloc"], "not_found"),
        ([credit.bloc, tmp_path / "no.csv"], "opening"),
        ([credit.bloc, tmp_path / "empty.csv"], "it has no rows; expected at least one"),
        ([credit.bloc, "--seconds", "0"], "expected 0.01 to 3600"),
        ([credit.bloc, "--seconds", "nan"], "expected 0.01 to 3600"),
    ]
    for arguments, expected in cases:
        run = bench(*arguments)
        assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1), run.stderr
        assert expected in run.stderr


def test_networks_are_measured_on_their_golden_tensors(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    import numpy as np
    from onnx import helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    monobloc.pack(tmp_path / "m.onnx", tmp_path / "m.bloc")
    found = measured(tmp_path / "m.bloc", "--threads", "2")
    assert [(one["call"], one["threads"]) for one in found["measured"]] == [
        ("golden", 1),
        ("golden", 2),
    ]
    for one in found["measured"]:
        check(one)
    run = bench(tmp_path / "m.bloc", tmp_path / "rows.csv")
    assert run.returncode == 1
    assert "the model is a network" in run.stderr
