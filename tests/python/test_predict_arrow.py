"""`monobloc predict` on Arrow's streams and files: what `run_arrow` answers the same batches."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.feather
import pytest
from conftest import Credit
from test_predict import answers, predict


def stream(table: pa.Table, rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def file(table: pa.Table, rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


@pytest.fixture(scope="module")
def table(credit: Credit) -> pa.Table:
    """The live rows, twenty times, with their numbers."""
    frame = pd.concat([credit.frame] * 20, ignore_index=True)
    return pa.Table.from_pandas(frame.rename_axis("number").reset_index(), preserve_index=False)


def test_answers_are_those_of_run_arrow(credit: Credit, table: pa.Table, tmp_path: Path) -> None:
    engine = monobloc.load(credit.bloc)
    expected = pa.ipc.open_stream(engine.run_arrow(stream(table))).read_all()
    (tmp_path / "rows.arrow").write_bytes(file(table, 700))
    (tmp_path / "rows.arrows").write_bytes(stream(table, 700))
    # A batch that is cut.
    (tmp_path / "rows.ipc").write_bytes(file(table))
    for name in ("rows.arrow", "rows.arrows", "rows.ipc"):
        out = tmp_path / "out.arrow"
        answers(credit.bloc, tmp_path / name, "--out", out, "--threads", "3")
        found = pa.ipc.open_file(out).read_all()
        assert found.equals(expected), name
        found.validate(full=True)
    given = stream(table, 1000)
    out = answers(credit.bloc, "-", "--format", "arrow", "--id", "number", input=given)
    found = pa.ipc.open_stream(out).read_all()
    assert found.column_names == ["number", *expected.column_names]
    assert found["number"].to_pylist() == list(range(len(table)))
    assert found.drop_columns(["number"]).equals(expected)


FORMS: dict[str, Callable[[pa.Table, Path], object]] = {
    "feather": lambda table, path: pa.feather.write_feather(table, path),
    "feather without compression": lambda table, path: pa.feather.write_feather(
        table, path, compression="uncompressed"
    ),
    "pandas": lambda table, path: table.to_pandas().to_feather(path),
    "polars": lambda table, path: polars.from_arrow(table).write_ipc(path),
    "polars' stream": lambda table, path: polars.from_arrow(table).write_ipc_stream(path),
    "polars, LZ4": lambda table, path: polars.from_arrow(table).write_ipc(path, compression="lz4"),
    "dictionaries": lambda table, path: path.write_bytes(
        stream(pa.Table.from_batches([of_dictionaries(one) for one in table.to_batches(900)]), 900)
    ),
    "dictionaries, as a file": lambda table, path: path.write_bytes(
        file(pa.Table.from_batches([of_dictionaries(one) for one in table.to_batches()]), 900)
    ),
}


def of_dictionaries(batch: pa.RecordBatch) -> pa.RecordBatch:
    def packed(array: pa.Array) -> pa.Array:
        is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
        return array.dictionary_encode() if is_text else array

    return pa.RecordBatch.from_arrays([packed(one) for one in batch], batch.schema.names)


@pytest.mark.parametrize("form", FORMS)
def test_what_others_write_has_the_answers_of_csv(
    credit: Credit, table: pa.Table, tmp_path: Path, form: str
) -> None:
    table.to_pandas().to_csv(tmp_path / "rows.csv", index=False)
    FORMS[form](table, tmp_path / "rows.feather")
    options = ("--id", "number", "--id", "region", "--out-format", "csv")
    expected = answers(credit.bloc, tmp_path / "rows.csv", *options)
    assert answers(credit.bloc, tmp_path / "rows.feather", *options) == expected


def test_answers_of_csv_and_json_lines_may_be_arrow(
    credit: Credit, table: pa.Table, tmp_path: Path
) -> None:
    table.to_pandas().to_csv(tmp_path / "rows.csv", index=False)
    answers(credit.bloc, tmp_path / "rows.csv", "--id", "number", "--out", tmp_path / "out.feather")
    found = pyarrow.feather.read_table(tmp_path / "out.feather")
    assert found["number"].to_pylist() == [str(at) for at in range(len(table))]
    read = pd.read_csv(tmp_path / "rows.csv")
    assert found["label"].to_pylist() == credit.model.predict(read).tolist()
    probabilities = np.array(found["probabilities"].to_pylist())
    assert np.array_equal(probabilities, credit.model.predict_proba(read))
    lines = [{"number": at, **row} for at, row in enumerate(credit.rows)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = (credit.bloc, tmp_path / "rows.jsonl", "--id", "number", "--out-format", "arrow")
    found = pa.ipc.open_stream(answers(*given)).read_all()
    assert found["number"].to_pylist() == [str(at) for at in range(len(lines))]
    assert found["label"].to_pylist() == credit.model.predict(credit.frame).tolist()
    empty = tmp_path / "rows.csv"
    empty.write_text(empty.read_text().split("\n", 1)[0] + "\n")
    answers(credit.bloc, empty, "--out", tmp_path / "out.arrow")
    assert pa.ipc.open_file(tmp_path / "out.arrow").read_all().num_rows == 0


def test_columns_are_carried_as_they_are(credit: Credit, tmp_path: Path) -> None:
    frame = credit.frame.head(4)
    carried = {
        "when": pa.array([1, 2, None, 4], pa.timestamp("us", "UTC")),
        "list": pa.array([[1], None, [], [2, 3]]),
        "unsigned": pa.array([2**64 - 1, 0, None, 1], pa.uint64()),
        "single": pa.array([0.1, float("inf"), None, float("nan")], pa.float32()),
        "flag": pa.array([True, None, False, True]),
        "text": pa.array(['a,"b"', None, "", "é\n"]).dictionary_encode(),
        "nothing": pa.nulls(4),
    }
    table = pa.table({**carried, **{name: pa.array(frame[name]) for name in frame}})
    path = tmp_path / "rows.arrows"
    path.write_bytes(stream(table, 3))
    given: list[Any] = [credit.bloc, path]
    for name in carried:
        given += ["--id", name]
    answers(*given, "--out", tmp_path / "out.arrow")
    found = pa.ipc.open_file(tmp_path / "out.arrow").read_all()
    for name, column in carried.items():
        values = column.dictionary_decode() if name == "text" else column
        assert found[name].combine_chunks().equals(values) or name == "single", name
    assert str(found["single"].to_pylist()) == str(carried["single"].to_pylist())
    for name in ("when", "list"):
        refused = predict(credit.bloc, path, "--id", name, "--out-format", "csv")
        assert refused.returncode == 1
        assert (
            f'the column "{name}", which is to be carried over, is of Arrow'
            in refused.stderr.decode()
        )
    texts = [
        "--id",
        "unsigned",
        "--id",
        "single",
        "--id",
        "flag",
        "--id",
        "text",
        "--id",
        "nothing",
    ]
    lines = answers(credit.bloc, path, *texts, "--out-format", "jsonl").decode().splitlines()
    values = [list(json.loads(line).values())[:5] for line in lines]
    assert values == [
        [2**64 - 1, 0.1, True, 'a,"b"', None],
        [0, "inf", None, None, None],
        [None, None, False, "", None],
        [1, None, True, "é\n", None],
    ]
    out = answers(credit.bloc, path, *texts, "--out-format", "csv").decode()
    assert out.splitlines()[1].startswith('18446744073709551615,0.1,true,"a,""b""",,')


WRONG: dict[str, tuple[Callable[[pa.Table], bytes], str]] = {
    "nothing": (lambda table: b"", "it has no schema"),
    "text": (lambda table: b"age,income\n1,2\n", "the message at byte 0: "),
    "Parquet": (lambda table: b"PAR1" + bytes(100), "it begins as Parquet does"),
    "a stream that ends within a batch": (
        lambda table: stream(table)[:-1000],
        "the input ends within it",
    ),
    "a file without its end": (
        lambda table: file(table)[:100_000],
        "its end is none of an Arrow file",
    ),
    "a file without its middle": (
        lambda table: file(table)[:5_000] + file(table)[-8_000:],
        "a block beyond the end",
    ),
    "zstd": (
        lambda table: stream(table, compression="zstd"),
        "its buffers are compressed with ZSTD; expected LZ4 or none",
    ),
    "a column less": (
        lambda table: stream(table.drop_columns(["income"])),
        'the model reads columns that are absent: "income"; found "number", "age", "months',
    ),
    "a column twice": (
        lambda table: stream(table.append_column("income", table["age"])),
        'the column "income" is there twice',
    ),
    "a column of lists": (
        lambda table: stream(
            table.drop_columns(["income"]).append_column("income", pa.array([[1]] * len(table)))
        ),
        'the column "income" is of Arrow\'s type List',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_leaves_nothing(
    credit: Credit, table: pa.Table, tmp_path: Path, case: str
) -> None:
    change, expected = WRONG[case]
    (tmp_path / "rows.arrow").write_bytes(change(table))
    run = predict(credit.bloc, tmp_path / "rows.arrow", "--out", tmp_path / "out.arrow")
    said = run.stderr.decode()
    assert (run.returncode, run.stdout, said.count("\n")) == (1, b"", 1), said
    assert said.startswith(f"monobloc: {tmp_path / 'rows.arrow'}: ")
    assert expected in said
    assert os.listdir(tmp_path) == ["rows.arrow"]


def test_names_of_answers_are_not_carried(credit: Credit, table: pa.Table, tmp_path: Path) -> None:
    named = table.rename_columns(["status", *table.column_names[1:]])
    (tmp_path / "rows.arrow").write_bytes(file(named))
    given = (credit.bloc, tmp_path / "rows.arrow", "--id", "status")
    run = predict(*given, "--out", tmp_path / "out.arrow")
    assert run.returncode == 1
    assert b'the carried column "status" is called as an output is' in run.stderr
    assert answers(*given, "--out-format", "csv").startswith(b"status,label,")


def test_text_is_told_from_arrow(credit: Credit, table: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(file(table))
    run = predict(credit.bloc, tmp_path / "rows.csv")
    assert run.returncode == 1
    assert b"it begins as Arrow does; expected text in UTF-8" in run.stderr


def test_a_file_is_not_read_from_a_pipe(credit: Credit, table: pa.Table) -> None:
    run = predict(credit.bloc, "-", "--format", "arrow", input=file(table))
    assert run.returncode == 1
    assert b"it begins as a file of Arrow's does" in run.stderr
    assert b"expected a stream, or the path of the file" in run.stderr
